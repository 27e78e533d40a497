// What forms do beyond the browser: growing text, counting, drafts, sending by keyboard, one request at a time, dropped files.

function grow(area) {
  // Chromium grows by CSS; the others are measured.
  if (CSS.supports("field-sizing", "content")) return;
  area.rows = Math.max(Number(area.dataset.rows ??= area.rows), Math.min(area.value.split("\n").length + 1, 16));
}

function count(area) {
  const output = document.getElementById(area.dataset.count);
  if (!output) return;
  const limit = Number(area.getAttribute("maxlength") || area.dataset.limit || 0);
  output.textContent = limit ? `${area.value.length} / ${limit}` : String(area.value.length);
  output.classList.toggle("is-over", Boolean(limit) && area.value.length > limit);
}

// Drafts: what was typed is not lost by a reload, a closed tab or a session that ended.

const draftKey = (form) => `draft:${form.dataset.draft}`;
const draftFields = (form) => form.querySelectorAll("textarea[name], input[type='text'][name]");

function keepDraft(form) {
  const values = {};
  for (const field of draftFields(form)) if (field.value) values[field.name] = field.value;
  if (Object.keys(values).length) localStorage.setItem(draftKey(form), JSON.stringify(values));
  else localStorage.removeItem(draftKey(form));
}

function restoreDraft(form) {
  const values = JSON.parse(localStorage.getItem(draftKey(form)) ?? "{}");
  for (const field of draftFields(form)) {
    // What the server or the address put there is newer than the draft.
    if (!field.value && values[field.name]) {
      field.value = values[field.name];
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
}

function prepare(root) {
  for (const area of root.querySelectorAll("[data-autoresize]")) grow(area);
  for (const area of root.querySelectorAll("[data-count]")) count(area);
  for (const form of root.querySelectorAll("form[data-draft]:not([data-draft-ready])")) {
    form.dataset.draftReady = "";
    restoreDraft(form);
  }
}

document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.matches("[data-autoresize]")) grow(field);
  if (field.matches("[data-count]")) count(field);
  const form = field.closest("form[data-draft]");
  if (form) keepDraft(form);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey) || event.repeat) return;
  const form = event.target.closest?.("form[data-submit-shortcut]") ?? document.querySelector("form[data-submit-shortcut]");
  if (!form || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  form.requestSubmit(form.querySelector("[type='submit']:not(:disabled)") ?? undefined);
});

// One request at a time.

function rest(form, isBusy) {
  for (const button of form.querySelectorAll("button[type='submit'], button:not([type])")) {
    // Not `disabled`: that would drop the focus, and the pressed button's value from the request.
    button.toggleAttribute("data-busy", isBusy);
    button.classList.toggle("is-busy", isBusy);
    if (isBusy) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-once]")) return;
  if (form.querySelector("[data-busy]")) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  // When all handlers have had their say: one that stopped the form (a confirmation) must not leave it at rest for ever,
  // but htmx stops every form that it sends itself.
  setTimeout(() => {
    const isSent = !event.defaultPrevented || form.matches("[hx-post], [hx-get], [data-hx-post]");
    if (isSent && !document.getElementById("confirm").open) rest(form, true);
  });
}, true);
document.addEventListener("htmx:afterRequest", (event) => {
  // The event itself is an ancestor's when the answer replaced the form.
  const sender = event.detail.requestConfig?.elt ?? event.target;
  const form = sender.closest?.("form");
  if (!form) return;
  if (form.matches("[data-once]")) rest(form, false);
  if (form.matches("[data-draft]") && event.detail.successful && sender === form) localStorage.removeItem(draftKey(form));
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  // A plain form leaves the page; if the server refuses, it shows the text again itself.
  if (form.matches("form[data-draft]") && !event.defaultPrevented) localStorage.removeItem(draftKey(form));
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-once]")) rest(form, false);
});

// Filling a field from an example.
document.addEventListener("click", (event) => {
  const filler = event.target.closest("[data-fill]");
  const field = filler && document.querySelector(filler.dataset.fill);
  if (!field) return;
  event.preventDefault();
  field.value = filler.dataset.value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});

// Files that are dropped or pasted go into the plain file field.

function take(zone, files) {
  const input = zone.querySelector("input[type='file']");
  const taken = new DataTransfer();
  for (const file of input.multiple ? files : files.slice(0, 1)) taken.items.add(file);
  input.files = taken.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

const zoneOf = (event) => event.target.closest?.("[data-dropzone]");
document.addEventListener("dragover", (event) => {
  const zone = zoneOf(event);
  if (!zone) return;
  event.preventDefault();
  zone.classList.add("is-over");
});
document.addEventListener("dragleave", (event) => zoneOf(event)?.classList.remove("is-over"));
document.addEventListener("drop", (event) => {
  const zone = zoneOf(event);
  if (!zone) return;
  event.preventDefault();
  zone.classList.remove("is-over");
  if (event.dataTransfer.files.length) take(zone, [...event.dataTransfer.files]);
});
document.addEventListener("paste", (event) => {
  const zone = document.querySelector("[data-dropzone]");
  const files = [...(event.clipboardData?.files ?? [])];
  if (!zone || !files.length) return;
  event.preventDefault();
  take(zone, files);
});

// A form that came back wrong: go where it is to be mended. A screen reader says the field and, as its description, the error.
document.querySelector("main [aria-invalid='true']")?.focus();

prepare(document);
document.addEventListener("htmx:load", (event) => prepare(event.target.parentElement ?? document));
