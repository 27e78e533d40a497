// The composer: the button knows its price and its reasons, and what was typed survives every swap. Without this file it
// is a plain form.

const form = () => document.getElementById("generate-form");
const button = () => document.getElementById("generate-button");
const field = (id) => document.getElementById(id);

// What a model's settings are not: they stay when the model or the task changes.
const OF_THE_FORM = ["csrfmiddlewaretoken", "key", "task", "model", "inputs", "mask", "image", "mask_file"];
const OF_EVERY_TASK = ["prompt", "seed", "num_images", "aspect_ratio", "preset"];
const PRICE_DELAY_MS = 200;

// The button: what it costs, and why it cannot be pressed.

let available = null;

function lacking() {
  const of = form();
  const source = field("source");
  if (source && document.querySelectorAll("#refs [data-ref]").length < Number(source.dataset.least)) {
    return { text: of.dataset.textSource, at: field("source-file") };
  }
  if (field("mask-editor")?.hasAttribute("data-empty")) return { text: of.dataset.textMask, at: field("mask-canvas") };
  if (field("expand")?.hasAttribute("data-empty")) return { text: of.dataset.textSides, at: field("id_right") };
  return null;
}

function reasonOf(of, price) {
  const { locked, textShort } = of.dataset;
  if (locked) return locked;
  if (available !== null && price > available) {
    return textShort.replace("{price}", price).replace("{available}", available);
  }
  return lacking()?.text ?? "";
}

function update() {
  const of = form();
  if (!of) return;
  const count = of.querySelector("[name='num_images']:checked, [name='num_images'][type='hidden']");
  const price = Number(count?.dataset.price ?? 0);
  const reason = reasonOf(of, price);
  const line = field("generate-reason");
  field("generate-price").textContent = count?.dataset.label ?? "";
  line.querySelector("[data-reason]").textContent = reason;
  line.hidden = !reason;
  const wayOut = line.querySelector("[data-only-short]");
  if (wayOut) wayOut.hidden = available === null || price <= available;
  // Not `disabled`: the button keeps the focus, and says its reason to those who cannot see it.
  button().disabled = false;
  if (reason) button().setAttribute("aria-disabled", "true");
  else if (!button().hasAttribute("data-busy")) button().removeAttribute("aria-disabled");
  for (const label of of.querySelectorAll(".segment:has([name='num_images'])")) {
    label.classList.toggle("is-dear", !of.dataset.locked && available !== null && Number(label.firstElementChild.dataset.price) > available);
  }
}

// Before forms.js, which would put the button to rest, and before htmx.
addEventListener("submit", (event) => {
  if (event.target !== form() || button().hasAttribute("data-busy") || !button().hasAttribute("aria-disabled")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  field("job-announcer").textContent = document.querySelector("[data-reason]").textContent;
  if (!form().dataset.locked) lacking()?.at?.focus();
}, true);

// The pill knows the credits of this moment.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "credits-pill" || !form()?.dataset.available) return;
  const now = event.target.querySelector("[data-available]")?.dataset.available;
  if (now === undefined) return;
  available = Number(now);
  update();
});

// The price, when something changed that it depends on. A picture that was not sent yet counts by its size.

let priceTimer;
let sourceSize = "";

function askPrice() {
  clearTimeout(priceTimer);
  priceTimer = setTimeout(() => field("counts")?.dispatchEvent(new CustomEvent("reprice")), PRICE_DELAY_MS);
}

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt.id === "counts" && sourceSize) event.detail.parameters.source_size = sourceSize;
});
document.addEventListener("htmx:load", (event) => { if (event.detail.elt.id === "counts") update(); });

document.addEventListener("composer:source", (event) => {
  const { width, height } = event.detail ?? {};
  const size = width ? `${width}x${height}` : "";
  if (size === sourceSize) return;
  sourceSize = size;
  if (form().hasAttribute("data-priced-by-size")) askPrice();
});
document.addEventListener("composer:changed", update);

document.addEventListener("change", (event) => {
  const of = event.target.closest("#generate-form");
  if (!of) return;
  update();
  if (of.dataset.priced.split(" ").includes(event.target.name)) askPrice();
});

// What was typed survives the swap to another task, model or picture.

let kept = { values: new Map(), model: "" };
let fills = false;

// The model as the page came: a radio that is on its way to another one is checked already.
const modelOf = (of) => of.querySelector("[name='model'][checked], [name='model'][type='hidden']")?.value;

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig } = event.detail;
  if (target?.id !== "composer" || !form()) return;
  const of = form();
  // The answer to a sent form says itself what was typed, and "Use again" means to replace it.
  fills = requestConfig.verb === "get" && !requestConfig.path.includes("again=");
  const values = new Map(kept.values);
  for (const [name, value] of new FormData(of)) if (!OF_THE_FORM.includes(name)) values.set(name, value);
  kept = { values, model: modelOf(of) };
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
});

function fill(of) {
  const isSameModel = modelOf(of) === kept.model;
  for (const [name, value] of kept.values) {
    if (!isSameModel && !OF_EVERY_TASK.includes(name)) continue;
    const found = of.elements[name];
    const control = found instanceof RadioNodeList ? [...found].find((one) => one.type === "checkbox") ?? found : found;
    // A list of radio buttons takes the value if it has it; a hidden price is not for us to change.
    if (!control || control.type === "hidden" || (control.type !== undefined && !value)) continue;
    if (control.type === "checkbox") control.checked = value === "true";
    else if (control.value !== value && hasValue(control, value)) {
      control.value = value;
      control.dispatchEvent?.(new Event("input", { bubbles: true }));
    }
  }
}

function hasValue(control, value) {
  const choices = control instanceof RadioNodeList ? [...control] : [...(control.options ?? [])];
  return !choices.length || choices.some((choice) => choice.value === value);
}

function enter(isFresh) {
  const of = form();
  if (!of) return;
  available = of.dataset.available === "" ? null : Number(of.dataset.available);
  if (isFresh) {
    if (fills) fill(of);
    if (of.dataset.priced) askPrice();
    const wrong = of.querySelector("[aria-invalid='true'], fieldset:has([role='alert']:not(:empty)) input:checked");
    if (wrong && !of.elements.prompt?.matches(":focus[aria-invalid]")) wrong.focus();
  }
  update();
}

document.addEventListener("htmx:load", (event) => { if (event.detail.elt.id === "composer") enter(true); });

// What is pressed and moved.

document.addEventListener("input", (event) => {
  if (!event.target.matches("#generate-form .field input[type='range']")) return;
  event.target.closest(".field").querySelector("[data-range-value]").textContent = event.target.value;
});

document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-dice]")) {
    const seed = field("seed");
    seed.value = crypto.getRandomValues(new Uint32Array(1))[0] % Number(form().dataset.seedLimit);
    seed.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const again = event.target.closest("[data-again]");
  if (again && form() && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    await window.htmx.ajax("GET", again.dataset.again, { target: "#composer", swap: "outerHTML" });
    (form().elements.prompt ?? button()).focus();
  }
});

enter(false);
