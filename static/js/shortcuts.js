// Keys: "?" lists them, "g" then a letter goes somewhere, Ctrl/⌘ K opens the palette. Places come from the rendered navigation.

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
const SEQUENCE_MS = 1200;
const palette = document.getElementById("palette");
const input = document.getElementById("palette-input");
const list = document.getElementById("palette-list");
const empty = document.getElementById("palette-empty");
const shortcutsDialog = document.getElementById("shortcuts");

if (isMac) {
  for (const key of document.querySelectorAll("[data-mod-key]")) key.textContent = `⌘ ${key.dataset.modKey}`;
}

const isTyping = (target) => target.matches?.("input:not([type='checkbox'], [type='radio'], [type='button']), textarea, select, [contenteditable]");

// The palette.

const nameOf = (element) => (element.dataset.command ?? element.textContent).trim().replace(/\s+/g, " ");
let commands = [];
let selected = 0;

function collect() {
  const found = new Map();
  for (const element of document.querySelectorAll(".nav-link[href], .menu-item[href], [data-command]")) {
    const name = nameOf(element);
    if (name && !element.disabled && !found.has(name)) found.set(name, element);
  }
  return [...found].map(([name, element]) => ({ name, element }));
}

function render() {
  const words = input.value.trim().toLowerCase();
  const shown = commands.filter(({ name }) => name.toLowerCase().includes(words));
  selected = Math.max(0, Math.min(selected, shown.length - 1));
  list.replaceChildren(...shown.map(({ name, element }, index) => {
    const option = document.createElement("li");
    option.id = `palette-option-${index}`;
    option.className = "palette-option";
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", String(index === selected));
    const icon = element.querySelector("svg")?.cloneNode(true);
    if (icon) option.append(icon);
    option.append(name);
    option.addEventListener("click", () => run(element));
    return option;
  }));
  empty.hidden = shown.length > 0;
  input.setAttribute("aria-expanded", String(shown.length > 0));
  if (shown.length) input.setAttribute("aria-activedescendant", `palette-option-${selected}`);
  else input.removeAttribute("aria-activedescendant");
  list.children[selected]?.scrollIntoView({ block: "nearest" });
  return shown;
}

function run(element) {
  palette.close();
  element.click();
}

function openPalette() {
  if (palette.open) return;
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  palette.showModal();
}

// Also when a button opened it: the attribute tells.
new MutationObserver(() => {
  if (!palette.open) return;
  commands = collect();
  selected = 0;
  input.value = "";
  render();
  input.focus();
}).observe(palette, { attributeFilter: ["open"] });

input.addEventListener("input", () => { selected = 0; render(); });
input.addEventListener("keydown", (event) => {
  const size = list.children.length;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (size) selected = (selected + (event.key === "ArrowDown" ? 1 : size - 1)) % size;
    render();
  } else if (event.key === "Enter" && !event.isComposing) {
    event.preventDefault();
    const chosen = render()[selected];
    if (chosen) run(chosen.element);
  }
});

// Keys of the page.

function listPageShortcuts() {
  const target = document.querySelector("[data-page-shortcuts]");
  target.replaceChildren(...[...document.querySelectorAll("[data-shortcut]")].map((element) => {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    const key = document.createElement("dd");
    const cap = document.createElement("kbd");
    term.textContent = element.getAttribute("aria-label") ?? nameOf(element);
    cap.className = "kbd";
    cap.textContent = element.dataset.shortcut;
    key.append(cap);
    row.append(term, key);
    return row;
  }));
}

let waitsForPlace = 0;

document.addEventListener("keydown", (event) => {
  if ((event.metaKey || event.ctrlKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
    return;
  }
  if (event.metaKey || event.ctrlKey || event.altKey || event.repeat || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "?") {
    listPageShortcuts();
    shortcutsDialog.showModal();
    return;
  }
  const isSequence = Date.now() - waitsForPlace < SEQUENCE_MS;
  waitsForPlace = 0;
  if (isSequence) {
    document.querySelector(`.nav-link[data-go="${CSS.escape(event.key)}"]`)?.click();
    return;
  }
  if (event.key === "g") {
    waitsForPlace = Date.now();
    return;
  }
  const pressed = document.querySelector(`[data-shortcut="${CSS.escape(event.key)}"]`);
  if (pressed) {
    event.preventDefault();
    pressed.click();
  }
});
