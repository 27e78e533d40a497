// The composer: the button knows its price and its reasons, pictures are shown before they are sent, and what was typed
// survives every swap. Without this file it is a plain form.

const form = () => document.getElementById("generate-form");

// The button: what it costs, and why it cannot be pressed.

const button = () => document.getElementById("generate-button");
let available = null;

const fileField = () => document.getElementById("source-file");
const chosenFile = () => fileField()?.files[0] ?? null;

function reasonOf(of, price) {
  const { locked, textShort, textSource } = of.dataset;
  if (locked) return locked;
  if (available !== null && price > available) {
    return textShort.replace("{price}", price).replace("{available}", available);
  }
  const lacksSource = fileField() && !chosenFile() && !of.querySelector("[name='inputs']");
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
    label.classList.toggle("is-dear", !of.dataset.locked && available !== null && Number(label.firstElementChild.dataset.price) > available);
  }
}

// Before forms.js, which would put the button to rest, and before htmx.
addEventListener("submit", (event) => {
  if (event.target !== form() || button().hasAttribute("data-busy") || !button().hasAttribute("aria-disabled")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  document.getElementById("job-announcer").textContent = document.querySelector("[data-reason]").textContent;
  if (!form().dataset.locked) fileField()?.focus();
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
  fileField().setAttribute("aria-invalid", String(Boolean(text)));
}

let preview = "";

function show(file) {
  const figure = document.getElementById("source-figure");
  const picture = document.getElementById("source-picture");
  figure.querySelector("[name='inputs']")?.remove();
  figure.hidden = !file;
  document.getElementById("source-zone").hidden = Boolean(file);
  document.getElementById("source-name").textContent = file?.name ?? "";
  picture.removeAttribute("srcset");
  picture.hidden = !file;
  picture.alt = file?.name ?? "";
  // The last address is given up only now: htmx hands attributes of the old element to the new one.
  URL.revokeObjectURL(preview);
  preview = file ? URL.createObjectURL(file) : "";
  if (file) picture.src = preview;
  else picture.removeAttribute("src");
  // What this browser cannot show the server may still take; it decides.
  picture.onerror = () => { picture.hidden = true; };
}

function takeFile(input) {
  const file = input.files[0];
  const { uploadLimit, textLarge } = form().dataset;
  const isLarge = file && file.size > Number(uploadLimit);
  tell(isLarge ? textLarge.replace("{size}", `${(file.size / 1048576).toFixed(1)}\u00a0MB`) : "");
  if (isLarge) input.value = "";
  // A picture from the gallery stays until another one can take its place.
  if (!isLarge || !form().querySelector("[name='inputs']")) show(isLarge ? null : file);
  update();
}

function dropSource() {
  const input = fileField();
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
    file: fileField() ? chosenFile() : kept.file,
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
  const input = fileField();
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

document.addEventListener("htmx:load", (event) => { if (event.detail.elt.id === "composer") enter(true); });

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
  if (again && form() && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    await window.htmx.ajax("GET", again.dataset.again, { target: "#composer", swap: "outerHTML" });
    (form().elements.prompt ?? button()).focus();
  }
});

enter(false);
