// The page's own voice: toasts, what htmx could not do, the credits pill, the tray that stays open, focus after a swap.

const region = document.getElementById("toasts");
const announcer = document.getElementById("announcer");
const LEAVE_AFTER_MS = 6000;

function announce(text) {
  announcer.textContent = "";
  // A region that gets the same text twice stays silent unless it was empty in between.
  requestAnimationFrame(() => { announcer.textContent = text; });
}

function dismiss(toast) {
  toast.classList.add("is-leaving");
  setTimeout(() => toast.remove(), 300);
}

function leaveInTime(toast) {
  let timer;
  const start = () => { timer = setTimeout(() => dismiss(toast), LEAVE_AFTER_MS); };
  const stop = () => clearTimeout(timer);
  toast.addEventListener("pointerenter", stop);
  toast.addEventListener("pointerleave", start);
  toast.addEventListener("focusin", stop);
  toast.addEventListener("focusout", start);
  start();
}

function actionButton({ label, url, values }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-ghost button-small toast-action";
  button.textContent = label;
  button.setAttribute("hx-post", url);
  button.setAttribute("hx-swap", "none");
  if (values) button.setAttribute("hx-vals", JSON.stringify(values));
  return button;
}

function showToast({ level = "info", text, action }) {
  const kind = level === "warning" ? "error" : level;
  const template = document.getElementById(`toast-${kind}`) ?? document.getElementById("toast-info");
  const toast = template.content.firstElementChild.cloneNode(true);
  toast.querySelector("[data-toast-text]").textContent = text;
  if (action) {
    const button = actionButton(action);
    toast.querySelector("[data-toast-text]").after(button);
    button.addEventListener("htmx:afterRequest", (event) => { if (event.detail.successful) dismiss(toast); });
  }
  region.append(toast);
  window.htmx?.process(toast);
  if (kind !== "error") leaveInTime(toast);
  while (region.children.length > 4) region.firstElementChild.remove();
}

document.addEventListener("toast", (event) => showToast(event.detail));
document.addEventListener("click", (event) => {
  const close = event.target.closest("[data-toast-close]");
  if (close) dismiss(close.closest("[data-toast]"));
});
for (const toast of region.querySelectorAll(".toast-success, .toast-info")) leaveInTime(toast);

// What htmx could not do.

function sentenceFor(status) {
  const { textServer, textRefused, textMissing, textSlow } = region.dataset;
  if (status >= 500) return textServer;
  return { 404: textMissing, 410: textMissing, 429: textSlow }[status] ?? textRefused;
}

function isQuiet(event) {
  // A background refresh that fails is tried again by itself; only what a person asked for is answered.
  return event.detail.requestConfig?.triggeringEvent?.type === "refresh";
}

document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  if (isQuiet(event) || xhr.getResponseHeader("HX-Trigger")?.includes('"toast"')) return;
  showToast({ level: "error", text: sentenceFor(xhr.status) });
});
for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    if (!isQuiet(event)) showToast({ level: "error", text: region.dataset.textNetwork });
  });
}

// Signed out meanwhile: the fragment became the sign-in page. Go there, and come back here afterwards.
document.addEventListener("htmx:beforeSwap", (event) => {
  const login = document.body.dataset.login;
  const answered = event.detail.xhr.responseURL;
  if (!answered || new URL(answered).pathname !== login || location.pathname === login) return;
  event.detail.shouldSwap = false;
  location.assign(`${login}?next=${encodeURIComponent(location.pathname + location.search)}`);
});

// The credits pill.

let known = null;
let calmDown;

// Of 4 held, 3 may be spent and 1 returned in one step: each is told.
function moneyMoved(before, now) {
  const spent = Math.max(0, before.balance - now.balance);
  const moves = {
    held: now.held - before.held,
    settled: spent,
    released: before.held - now.held - spent,
    granted: now.balance - before.balance,
  };
  return Object.entries(moves).filter(([, amount]) => amount > 0);
}

function flag(pill, text) {
  pill.querySelector(".pill-flag")?.remove();
  if (!text) return;
  const label = document.createElement("span");
  label.className = "pill-flag";
  label.setAttribute("aria-hidden", "true");
  label.textContent = text;
  pill.append(label);
  setTimeout(() => label.remove(), 4000);
}

function movePill(pill) {
  const value = pill.querySelector("[data-available]");
  if (!value) return;
  const now = { balance: Number(value.dataset.balance), held: Number(value.dataset.held) };
  const moves = known ? moneyMoved(known, now) : [];
  known = now;
  if (!moves.length) return;
  const said = (kind) => moves.map(([state, amount]) => (
    pill.dataset[kind + state[0].toUpperCase() + state.slice(1)]?.replace("{n}", amount)
  )).filter(Boolean);
  pill.classList.remove("is-held", "is-settled", "is-released", "is-granted");
  void pill.offsetWidth; // restarts the animation when the same state comes twice
  const states = moves.map(([state]) => `is-${state}`);
  pill.classList.add(...states);
  clearTimeout(calmDown);
  calmDown = setTimeout(() => pill.classList.remove(...states), 4000);
  flag(pill, said("flag").join(" "));
  announce(said("text").join(". "));
}

// The tray stays as it was left, across swaps and pages.

function keepTray(corner) {
  const tray = corner.querySelector("details");
  if (tray) tray.open = sessionStorage.getItem("tray") === "open";
}
document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("#jobs-tray details")) sessionStorage.setItem("tray", event.target.open ? "open" : "");
}, true);

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id === "credits-pill") movePill(event.target);
  if (event.target.id === "jobs-tray") keepTray(event.target);
});

// Focus: htmx restores what has an id; when that is gone, the nearest home takes it instead of the top of the page.

let home = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  const active = document.activeElement;
  // A second swap right after the first finds nothing focused: the home of the first one stays.
  const next = active && active !== document.body && event.detail.target?.contains(active)
    ? active.parentElement.closest("[data-focus-home]") : null;
  if (next) home = next;
});
document.addEventListener("htmx:afterSettle", () => {
  const lost = !document.activeElement || document.activeElement === document.body;
  if (home?.isConnected && lost) home.focus({ preventScroll: true });
  home = null;
});

// A page that comes back from the browser's memory shows old figures: ask again.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const element of document.querySelectorAll("#credits-pill, #jobs-tray, [data-live='running']")) {
    element.dispatchEvent(new CustomEvent("refresh"));
  }
});

// Copying.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const source = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
  await navigator.clipboard.writeText(source ? source.value ?? source.textContent.trim() : button.dataset.copy);
  showToast({ level: "success", text: region.dataset.textCopied });
});
