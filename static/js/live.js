// One stream a page. Events carry ids; the page fetches what changed under its own rights.
// While the stream is away, what still runs is polled with back-off.

const COALESCE_MS = 80;
const POLL_FIRST_MS = 2000;
const POLL_LAST_MS = 15000;
const POLL_BESIDE_STREAM_MS = 20000;
const HIDDEN_MS = 30000;

const address = document.body.dataset.events;
// What is to be fetched soon, by id: the element may be replaced before its time comes, and its successor takes over.
const due = new Set();
// What was told while a request for it was under way: that answer may have been made before.
const missed = new Set();
let source = null;
let isOpen = false;
let pollDelay = POLL_FIRST_MS;
let reopenDelay = POLL_FIRST_MS;
let pollTimer;
let reopenTimer;
let hideTimer;

// Several events a second are usual while a job runs: one request an element is enough.
function refresh(element) {
  const id = element?.id;
  if (!id || due.has(id)) return;
  due.add(id);
  setTimeout(() => {
    due.delete(id);
    const present = document.getElementById(id);
    if (!present) return;
    // htmx marks what it fetches for. Its own queue would not do: it dies with an element that is replaced.
    if (present.classList.contains("htmx-request")) missed.add(id);
    // Not bubbling: a row inside the tray must not refresh the tray once more.
    else present.dispatchEvent(new CustomEvent("refresh"));
  }, COALESCE_MS);
}

// A page's own script asks in the same way.
document.addEventListener("live:refresh", (event) => refresh(event.target));
document.addEventListener("htmx:afterRequest", (event) => {
  // The event itself is an ancestor's when the answer replaced the element.
  const id = event.detail.requestConfig?.elt?.id;
  if (missed.delete(id)) refresh(document.getElementById(id));
});

const running = () => document.querySelectorAll('[data-live="running"]');
const frame = () => document.querySelectorAll("#jobs-tray, #credits-pill");

function refreshRunning() {
  running().forEach(refresh);
  frame().forEach(refresh);
}

function poll() {
  clearTimeout(pollTimer);
  if (document.hidden) return;
  const delay = isOpen ? POLL_BESIDE_STREAM_MS : pollDelay;
  pollTimer = setTimeout(() => {
    if (running().length) {
      refreshRunning();
      pollDelay = Math.min(pollDelay * 1.5, POLL_LAST_MS);
    } else {
      pollDelay = POLL_FIRST_MS;
    }
    poll();
  }, delay);
}

// When a form last left the page by itself, and how long its answer may take.
const LEAVING_MS = 5000;
let sentAt = -LEAVING_MS;
addEventListener("submit", (event) => {
  if (!event.defaultPrevented) sentAt = performance.now();
});

const effects = {
  job: (id) => {
    document.querySelectorAll(`[data-job="${CSS.escape(id)}"]`).forEach(refresh);
    frame().forEach(refresh);
  },
  asset: (id) => document.querySelectorAll(`[data-asset="${CSS.escape(id)}"]`).forEach(refresh),
  credits: () => refresh(document.getElementById("credits-pill")),
  revoked: () => {
    close();
    // What was just sent ended the session on purpose, and leads somewhere itself.
    if (performance.now() - sentAt < LEAVING_MS) return;
    location.assign(document.body.dataset.login);
  },
};

function receive(event) {
  let detail = {};
  try {
    detail = JSON.parse(event.data || "{}");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  effects[event.type](String(detail.id ?? ""));
  document.dispatchEvent(new CustomEvent(`live:${event.type}`, { detail }));
}

function opened() {
  isOpen = true;
  pollDelay = POLL_FIRST_MS;
  reopenDelay = POLL_FIRST_MS;
  // What happened between the page's making and this moment was said to nobody.
  refreshRunning();
  poll();
}

function failed() {
  if (isOpen) {
    isOpen = false;
    poll();
  }
  // After a refusal (the ticket is too old) the browser does not try again. Any fragment renews the ticket, so we do.
  if (source?.readyState !== EventSource.CLOSED) return;
  close();
  refresh(document.getElementById("credits-pill"));
  reopenTimer = setTimeout(open, reopenDelay);
  reopenDelay = Math.min(reopenDelay * 2, 60000);
}

function open() {
  if (source || !address || document.hidden) return;
  source = new EventSource(address);
  source.addEventListener("open", opened);
  source.addEventListener("error", failed);
  for (const name of Object.keys(effects)) source.addEventListener(name, receive);
}

function close() {
  clearTimeout(reopenTimer);
  source?.close();
  source = null;
  isOpen = false;
}

// A browser opens six connections to one host: tabs in the background give theirs back.
document.addEventListener("visibilitychange", () => {
  clearTimeout(hideTimer);
  if (document.hidden) {
    hideTimer = setTimeout(close, HIDDEN_MS);
    return;
  }
  refreshRunning();
  open();
  poll();
});
// What a person just did is worth a quick look, when nobody tells.
document.addEventListener("htmx:afterRequest", (event) => {
  if (isOpen || event.detail.requestConfig?.verb === "get") return;
  pollDelay = POLL_FIRST_MS;
  frame().forEach(refresh);
  poll();
});
addEventListener("pagehide", close);
addEventListener("pageshow", (event) => { if (event.persisted) open(); });
addEventListener("online", () => { refreshRunning(); open(); });

open();
poll();
