// The Generate page: the button knows its price and its reasons, pictures are shown before they are sent, what was typed
// survives every swap, and what happens to a job is said aloud. Without this file the page is a plain form.

const composer = () => document.getElementById("composer");
const form = () => document.getElementById("generate-form");
const announcer = document.getElementById("job-announcer");
const say = (text) => { if (text) announcer.textContent = text; };

// The button: what it costs, and why it cannot be pressed.

const button = () => document.getElementById("generate-button");
let available = null;

function chosenFile() {
  return document.getElementById("source-file")?.files[0] ?? null;
}

function reasonOf(of, price) {
  const { locked, textShort, textSource } = of.dataset;
  if (locked) return locked;
  if (available !== null && price > available) {
    return textShort.replace("{price}", price).replace("{available}", available);
  }
  const lacksSource = document.getElementById("source-file") && !chosenFile() && !of.querySelector("[name='inputs']");
  return lacksSource ? textSource : "";
}

function update() {
  const of = form();
  if (!of) return;
  const count = of.querySelector("[name='num_images']:checked, [name='num_images'][type='hidden']");
  const price = Number(count?.dataset.price ?? 0);
  const reason = reasonOf(of, price);
  const line = document.getElementById("generate-reason");
  document.getElementById("generate-price").textContent = count?.dataset.label ?? "";
  line.querySelector("[data-reason]").textContent = reason;
  line.hidden = !reason;
  const wayOut = line.querySelector("[data-only-short]");
  if (wayOut) wayOut.hidden = available === null || price <= available;
  // Not `disabled`: the button keeps the focus, and says its reason to those who cannot see it.
  button().disabled = false;
  if (reason) button().setAttribute("aria-disabled", "true");
  else if (!button().hasAttribute("data-busy")) button().removeAttribute("aria-disabled");
  for (const label of of.querySelectorAll(".segment:has([name='num_images'])")) {
    label.classList.toggle("is-dear", available !== null && Number(label.firstElementChild.dataset.price) > available);
  }
}

// Before forms.js, which would put the button to rest, and before htmx.
addEventListener("submit", (event) => {
  if (event.target !== form() || button().hasAttribute("data-busy") || !button().hasAttribute("aria-disabled")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  say(document.querySelector("[data-reason]").textContent);
  if (!form().dataset.locked) document.getElementById("source-file")?.focus();
}, true);

// The pill knows the credits of this moment.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "credits-pill" || !form()?.dataset.available) return;
  const now = event.target.querySelector("[data-available]")?.dataset.available;
  if (now === undefined) return;
  available = Number(now);
  update();
});

// The picture to work from.

function tell(text) {
  document.getElementById("source-error").textContent = text;
  document.getElementById("source-file").toggleAttribute("aria-invalid", Boolean(text));
}

function show(file) {
  const figure = document.getElementById("source-figure");
  const picture = document.getElementById("source-picture");
  figure.querySelector("[name='inputs']")?.remove();
  figure.hidden = !file;
  document.getElementById("source-zone").hidden = Boolean(file);
  document.getElementById("source-name").textContent = file?.name ?? "";
  picture.removeAttribute("srcset");
  picture.hidden = !file;
  if (!file) {
    picture.removeAttribute("src");
    return;
  }
  picture.alt = file.name;
  picture.src = URL.createObjectURL(file);
  const done = () => URL.revokeObjectURL(picture.src);
  picture.onload = done;
  // What this browser cannot show the server may still take; it decides.
  picture.onerror = () => { picture.hidden = true; done(); };
}

function takeFile(input) {
  const file = input.files[0];
  const { uploadLimit, textLarge } = form().dataset;
  const isLarge = file && file.size > Number(uploadLimit);
  tell(isLarge ? textLarge.replace("{size}", `${(file.size / 1048576).toFixed(1)}\u00a0MB`) : "");
  if (isLarge) input.value = "";
  show(isLarge ? null : file);
  update();
}

function dropSource() {
  const input = document.getElementById("source-file");
  input.value = "";
  tell("");
  show(null);
  update();
  input.focus();
}

// What was typed survives the swap to another task, model or picture; a file survives a refusal.

let kept = { prompt: "", seed: "", file: null };
let fills = false;

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig } = event.detail;
  if (target?.id !== "composer" || !form()) return;
  const of = form();
  // The answer to a sent form says itself what was typed, and "Use again" means to replace it.
  fills = requestConfig.verb === "get" && !requestConfig.path.includes("again=");
  kept = {
    prompt: of.elements.prompt?.value ?? kept.prompt,
    seed: of.elements.seed?.value ?? kept.seed,
    count: of.querySelector("[name='num_images']:checked")?.value ?? kept.count,
    ratio: of.querySelector("[name='aspect_ratio']:checked")?.value ?? kept.ratio,
    file: document.getElementById("source-file") ? chosenFile() : kept.file,
  };
  document.querySelector("#pick[open]")?.close();
});

function fill(of) {
  for (const name of ["prompt", "seed"]) {
    const field = of.elements[name];
    if (!field || !kept[name] || field.value === kept[name]) continue;
    field.value = kept[name];
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const choices = [`[name="num_images"][value="${kept.count}"]`, `[name="aspect_ratio"][value="${kept.ratio}"]`];
  for (const choice of of.querySelectorAll(choices.join())) choice.checked = true;
}

function attach(of) {
  const input = document.getElementById("source-file");
  if (!input || !kept.file || of.querySelector("[name='inputs']") || of.hasAttribute("data-source-refused")) return;
  const taken = new DataTransfer();
  taken.items.add(kept.file);
  input.files = taken.files;
  show(kept.file);
}

function enter(isFresh) {
  const of = form();
  if (!of) return;
  available = of.dataset.available === "" ? null : Number(of.dataset.available);
  if (isFresh) {
    if (fills) fill(of);
    attach(of);
    const wrong = of.querySelector("[aria-invalid='true'], fieldset:has([role='alert']) input:checked");
    if (wrong && !of.elements.prompt?.matches(":focus[aria-invalid]")) wrong.focus();
  }
  update();
}

// Cards: what ended is said; a new one comes into view and replaces itself if the same answer comes twice.

const running = new Set();

function note(card, isFresh) {
  const { job, live, announce } = card.dataset;
  if (live) running.add(job);
  else if (isFresh && running.delete(job)) say(announce);
  const row = card.closest("[data-new]");
  if (!row) return;
  row.removeAttribute("data-new");
  say(announce);
  row.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  for (const card of event.detail.fragment.querySelectorAll("[data-job]")) {
    document.querySelector(`#results [data-job="${CSS.escape(card.dataset.job)}"]`)?.closest(".result").remove();
  }
});

document.addEventListener("htmx:load", (event) => {
  const root = event.detail.elt;
  if (root.id === "composer") enter(true);
  for (const card of [root, ...root.querySelectorAll(".job[data-job]")]) if (card.matches(".job[data-job]")) note(card, true);
});

// What is pressed and moved.

document.addEventListener("change", (event) => {
  if (event.target.id === "source-file") takeFile(event.target);
  else if (event.target.closest("#generate-form")) update();
});

document.addEventListener("input", (event) => {
  if (!event.target.matches("#generate-form input[type='range']")) return;
  event.target.closest(".field").querySelector("[data-range-value]").textContent = event.target.value;
});

document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-dice]")) {
    const seed = document.getElementById("seed");
    seed.value = crypto.getRandomValues(new Uint32Array(1))[0] % Number(form().dataset.seedLimit);
    seed.dispatchEvent(new Event("input", { bubbles: true }));
  }
  if (event.target.closest("#source-remove")) {
    event.preventDefault();
    dropSource();
  }
  const again = event.target.closest("[data-again]");
  if (again && composer() && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    await window.htmx.ajax("GET", again.dataset.again, { target: "#composer", swap: "outerHTML" });
    (form().elements.prompt ?? button()).focus();
  }
});

enter(false);
for (const card of document.querySelectorAll(".job[data-job]")) note(card, false);
