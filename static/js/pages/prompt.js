// What helps with the words: earlier prompts while typing and in a list, a surprise, the enhancer, and the way back.
// Belongs to generation/_prompt_tools.html below #prompt; both may be swapped at any time. Without this file history and
// surprise are links.

const WAIT_MS = 200;
const SHORTEST = 2;
const LONGEST = 400;
const SURE_MS = 4000;

const tools = () => document.getElementById("prompt-tools");
const field = () => document.querySelector("#generate-form #prompt");
const list = () => document.getElementById("prompt-options");
const panel = () => document.getElementById("prompt-history");
const undoButton = () => document.getElementById("prompt-undo");

// Asking the server.

function note(text) {
  const line = document.getElementById("prompt-note");
  if (line) line.textContent = text;
}

async function sentenceOf(response) {
  if (response.headers.get("Content-Type")?.includes("json")) return (await response.json()).detail;
  const trigger = response.headers.get("HX-Trigger");
  return trigger ? JSON.parse(trigger).toast?.text : "";
}

// The answer if it is a good one; otherwise the person is told why not, unless nobody asked for it.
async function ask(address, { values, accept = "text/html", signal, isQuiet = false } = {}) {
  const headers = { Accept: accept, "HX-Request": "true" };
  if (values) headers["X-CSRFToken"] = document.querySelector("#generate-form [name='csrfmiddlewaretoken']").value;
  let response;
  try {
    response = await fetch(address, { method: values ? "POST" : "GET", headers, body: values && new URLSearchParams(values), signal });
  } catch (error) {
    if (error.name !== "AbortError" && !isQuiet) note(tools()?.dataset.textOffline);
    return null;
  }
  const { login } = document.body.dataset;
  if (response.redirected && new URL(response.url).pathname === login) {
    if (!isQuiet) location.assign(`${login}?next=${encodeURIComponent(location.pathname + location.search)}`);
    return null;
  }
  if (response.ok) return response;
  if (!isQuiet) note((await sentenceOf(response)) || tools()?.dataset.textFailed);
  return null;
}

// Filling the field, and taking it back.

let replaced = null;
let fills = false;

function write(text) {
  const area = field();
  fills = true;
  area.value = text;
  area.dispatchEvent(new Event("input", { bubbles: true }));
  fills = false;
  area.focus();
  area.setSelectionRange(text.length, text.length);
}

function showUndo() {
  const button = undoButton();
  // Once somebody has gone on from the new words, going back would lose theirs.
  if (button) button.hidden = !(replaced && field()?.value === replaced.after && replaced.before !== replaced.after);
}

function fill(text, said) {
  replaced = { before: field().value, after: text };
  write(text);
  showUndo();
  note(said);
}

function undo() {
  if (!replaced || !field()) return;
  const { before } = replaced;
  replaced = null;
  write(before);
  showUndo();
  note(tools().dataset.textUndone);
}

// Completions: the field keeps the focus, the list below it is walked by its active option.

let timer = 0;
let asked = null;
let active = -1;
let restUntil = 0;

const options = () => [...(list()?.children ?? [])];
const isOpen = () => Boolean(list()) && !list().hidden;

function mark(index) {
  active = index;
  const area = field();
  options().forEach((option, number) => option.setAttribute("aria-selected", String(number === index)));
  const option = options()[index];
  if (option) {
    area.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else {
    area?.removeAttribute("aria-activedescendant");
  }
}

function say(count) {
  const line = document.getElementById("prompt-options-said");
  const { textOne, textMany } = tools().dataset;
  line.textContent = count ? (count === 1 ? textOne : textMany.replace("{n}", count)) : "";
}

function close() {
  clearTimeout(timer);
  asked?.abort();
  if (!isOpen()) return;
  list().hidden = true;
  list().replaceChildren();
  mark(-1);
  say(0);
}

function open(html) {
  list().innerHTML = html;
  if (!options().length) {
    list().hidden = true;
    say(0);
    return;
  }
  list().hidden = false;
  mark(-1);
  say(options().length);
}

function wants(area) {
  const { length } = area.value.trim();
  const isAtEnd = area.selectionStart === area.selectionEnd && area.selectionEnd === area.value.length;
  return isAtEnd && length >= SHORTEST && length <= LONGEST && !area.value.includes("\n") && Date.now() >= restUntil;
}

async function complete(area) {
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  const text = area.value;
  const response = await ask(`${tools().dataset.complete}?${new URLSearchParams({ q: text })}`, { signal, isQuiet: true });
  if (!response && !signal.aborted) restUntil = Date.now() + 5000;
  let html = "";
  try {
    html = response ? await response.text() : "";
  } catch {
    return;
  }
  const isStale = signal.aborted || !area.isConnected || area.value !== text || document.activeElement !== area;
  if (!isStale && tools()) open(html);
}

function typed(event) {
  showUndo();
  if (fills) return;
  note("");
  const area = event.target;
  close();
  if (!tools() || event.isComposing || !wants(area)) return;
  timer = setTimeout(() => complete(area), WAIT_MS);
}

function pressed(event) {
  if (event.isComposing) return;
  const isBare = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  if (event.key === "Enter" && !isBare) {
    close();
    return;
  }
  if (!isOpen() || !isBare) return;
  const last = options().length - 1;
  if (event.key === "ArrowDown") mark(active < last ? active + 1 : 0);
  else if (event.key === "ArrowUp" && active >= 0) mark(active - 1);
  else if (event.key === "Enter" && active >= 0) choose(options()[active]);
  else if (event.key === "Escape") close();
  else {
    // The caret goes elsewhere, or the text changes: either way the list is no longer about it.
    if (["Tab", "ArrowUp", "ArrowLeft", "Home", "PageUp", "PageDown"].includes(event.key)) close();
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

function choose(option) {
  const text = option.textContent;
  close();
  fill(text, "");
}

// The history.

function closeHistory() {
  if (!panel() || panel().hidden) return;
  panel().hidden = true;
  panel().replaceChildren();
  document.getElementById("prompt-history-open").setAttribute("aria-expanded", "false");
}

async function openHistory(link) {
  const response = await ask(link.href);
  if (!response || !panel()) return;
  panel().innerHTML = await response.text();
  panel().hidden = false;
  link.setAttribute("aria-expanded", "true");
}

async function forget(button) {
  if (button.dataset.question && !button.hasAttribute("data-sure")) {
    const label = button.querySelector("span");
    const usual = label.textContent;
    label.textContent = button.dataset.question;
    button.dataset.sure = "";
    note(button.dataset.question);
    setTimeout(() => {
      label.textContent = usual;
      delete button.dataset.sure;
      if (document.getElementById("prompt-note")?.textContent === button.dataset.question) note("");
    }, SURE_MS);
    return;
  }
  const place = [...panel().querySelectorAll("[data-prompt-forget]")].indexOf(button);
  const address = document.getElementById("prompt-history-open").href;
  const response = await ask(button.dataset.promptForget, { values: { model: new URL(address).searchParams.get("model") ?? "" } });
  if (!response || !panel()) return;
  panel().innerHTML = await response.text();
  note("");
  const left = panel().querySelectorAll("[data-prompt-forget]:not([data-question])");
  (left[Math.min(place, left.length - 1)] ?? panel()).focus();
}

// The surprise and the enhancer.

function rest(button, isBusy) {
  button.classList.toggle("is-busy", isBusy);
  button.toggleAttribute("data-busy", isBusy);
  if (isBusy) button.setAttribute("aria-disabled", "true");
  else button.removeAttribute("aria-disabled");
}

async function replace(button, address, request, said) {
  if (button.hasAttribute("data-busy")) return;
  const before = field().value;
  rest(button, true);
  const response = await ask(address, { accept: "application/json", ...request });
  const answer = response && await response.json();
  rest(button, false);
  if (!answer || !field()) return;
  if (field().value !== before) note(tools().dataset.textChanged);
  else if (!answer.prompt) note(tools().dataset.textFailed);
  else if (answer.prompt === before) note(said(answer));
  else fill(answer.prompt, said(answer));
}

const press = {
  history: (link) => (panel().hidden ? openHistory(link) : closeHistory()),
  random: (link) => replace(link, link.href, {}, () => tools().dataset.textSurprised),
  enhance: (button) => {
    const { enhance, textEmpty } = tools().dataset;
    const prompt = field().value;
    if (!prompt.trim()) {
      note(textEmpty);
      field().focus();
      return;
    }
    replace(button, enhance, { values: { prompt } }, (answer) => answer.note);
  },
  undo,
};

document.addEventListener("click", (event) => {
  const forgets = event.target.closest("[data-prompt-forget]");
  if (forgets && panel()?.contains(forgets)) {
    forget(forgets);
    return;
  }
  const tool = event.target.closest("[data-prompt-tool]");
  if (!tool || !field() || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  close();
  note("");
  press[tool.dataset.promptTool](tool);
});

// Before forms.js fills the field from an earlier prompt or an example: its words can be had back.
document.addEventListener("click", (event) => {
  const filler = event.target.closest("[data-fill='#prompt']");
  if (!filler || !field()) return;
  const before = field().value;
  fills = true;
  setTimeout(() => {
    fills = false;
    if (!field() || field().value === before) return;
    replaced = { before, after: field().value };
    showUndo();
    closeHistory();
  });
}, true);

document.addEventListener("keydown", (event) => {
  // A link that acts as a button is pressed by the space bar too.
  if (event.key === " " && event.target.matches?.("a[data-prompt-tool]")) {
    event.preventDefault();
    event.target.click();
  }
  if (event.key === "Escape" && panel()?.contains(event.target)) {
    closeHistory();
    document.getElementById("prompt-history-open").focus();
  }
});

// A textbox, not a combobox: that role is not for fields of several lines, and a textbox may have an active option too.
const attached = new WeakSet();

function attach() {
  const area = field();
  if (!area || !tools() || attached.has(tools())) return;
  attached.add(tools());
  area.setAttribute("aria-autocomplete", "list");
  area.setAttribute("aria-haspopup", "listbox");
  area.setAttribute("aria-controls", "prompt-options");
  area.setAttribute("autocomplete", "off");
  area.removeAttribute("aria-activedescendant");
  for (const link of tools().querySelectorAll("a[data-prompt-tool]")) link.setAttribute("role", "button");
  const opener = document.getElementById("prompt-history-open");
  opener.setAttribute("aria-expanded", "false");
  opener.setAttribute("aria-controls", "prompt-history");
  list().addEventListener("pointerdown", (event) => event.preventDefault());
  list().addEventListener("click", (event) => {
    const option = event.target.closest("[role='option']");
    if (option) choose(option);
  });
  active = -1;
  showUndo();
  if (attached.has(area)) return;
  attached.add(area);
  area.addEventListener("input", typed);
  area.addEventListener("keydown", pressed);
  area.addEventListener("blur", close);
}

attach();
document.addEventListener("htmx:load", attach);
