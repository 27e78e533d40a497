// The pictures to work from: those of the gallery belong to the server's answer, files are kept here across every swap.
// Whoever draws over the first one hears of it by `composer:source`; whatever the button says, by `composer:changed`.

const form = () => document.getElementById("generate-form");
const box = () => document.getElementById("source");
const field = () => document.getElementById("source-file");
const list = () => document.getElementById("refs");
const fromGallery = () => [...document.querySelectorAll("#refs [data-ref]:not([data-file])")];
const most = () => Number(box().dataset.most);

// File -> { url, width, height, isUnseen }, so that a picture is measured once.
const known = new Map();
let files = [];
// Pictures of the gallery that a file took the place of: the links that came with the page still name them.
const replaced = new Set();

function tell(text) {
  document.getElementById("source-error").textContent = text;
  field().setAttribute("aria-invalid", String(Boolean(text)));
}

function announceFirst() {
  const first = document.querySelector("#refs [data-ref]");
  let detail = null;
  if (first?.hasAttribute("data-file")) {
    const about = known.get(files[0]);
    if (about.width) detail = { key: about.url, url: about.url, width: about.width, height: about.height };
    else if (about.isUnseen) detail = { isUnseen: true };
  } else if (first) {
    const { ref, preview, width, height } = first.dataset;
    detail = { key: ref, url: preview, width: Number(width), height: Number(height) };
  }
  document.dispatchEvent(new CustomEvent("composer:source", { detail }));
  document.dispatchEvent(new CustomEvent("composer:changed"));
}

function know(file) {
  if (known.has(file)) return;
  const about = { url: URL.createObjectURL(file), width: 0, height: 0, isUnseen: false };
  known.set(file, about);
  const picture = new Image();
  picture.onload = () => {
    about.width = picture.naturalWidth;
    about.height = picture.naturalHeight;
    if (files[0] === file && box()) announceFirst();
  };
  // What this browser cannot show the server may still take; it decides.
  picture.onerror = () => {
    about.isUnseen = true;
    if (box()) draw();
  };
  picture.src = about.url;
}

function forget() {
  for (const [file, about] of known) {
    if (files.includes(file)) continue;
    URL.revokeObjectURL(about.url);
    known.delete(file);
  }
}

function rowOf(file, number) {
  const row = document.getElementById("ref-template").content.firstElementChild.cloneNode(true);
  const picture = row.querySelector(".ref-picture");
  picture.alt = file.name;
  if (known.get(file).isUnseen) picture.classList.add("is-unseen");
  else picture.src = known.get(file).url;
  row.querySelector(".ref-number").textContent = number;
  row.querySelector(".ref-name").textContent = file.name;
  const remove = row.querySelector("[data-remove-file]");
  remove.id = `remove-file-${number}`;
  remove.dataset.removeFile = files.indexOf(file);
  remove.setAttribute("aria-label", box().dataset.textRemove.replace("{number}", number).replace("{name}", file.name));
  return row;
}

function draw() {
  const refs = fromGallery();
  for (const row of list().querySelectorAll("[data-file]")) row.remove();
  files.forEach((file, index) => list().append(rowOf(file, refs.length + index + 1)));
  const taken = new DataTransfer();
  for (const file of files) taken.items.add(file);
  field().files = taken.files;
  const total = refs.length + files.length;
  list().hidden = total === 0;
  document.getElementById("source-zone").hidden = total >= most();
  forget();
  announceFirst();
}

function take(chosen) {
  const { uploadLimit, textLarge } = form().dataset;
  const large = chosen.find((file) => file.size > Number(uploadLimit));
  const fitting = chosen.filter((file) => file.size <= Number(uploadLimit));
  let said = large ? textLarge.replace("{size}", `${(large.size / 1048576).toFixed(1)}\u00a0MB`) : "";
  if (most() === 1) {
    // A picture stays until another one can take its place.
    for (const row of fitting.length ? fromGallery() : []) {
      replaced.add(row.dataset.ref);
      row.remove();
    }
    files = fitting.length ? fitting.slice(0, 1) : files;
  } else {
    const room = most() - fromGallery().length - files.length;
    if (fitting.length > room) said ||= box().dataset.textMany;
    files = [...files, ...fitting.slice(0, room)];
  }
  files.forEach(know);
  tell(said);
  draw();
}

document.addEventListener("change", (event) => {
  if (event.target.id === "source-file") take([...event.target.files]);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-remove-file]");
  if (!button) return;
  files.splice(Number(button.dataset.removeFile), 1);
  tell("");
  draw();
  (list().querySelector("[data-remove-file]") ?? field()).focus();
});

document.addEventListener("htmx:configRequest", (event) => {
  const { detail } = event;
  detail.path = detail.path.replace(/&inputs=([^&]+)/g, (text, id) => (replaced.has(id) ? "" : text));
});

// A sent form answers with what was stored; a refused one with everything but the files. One that is itself at fault
// is not offered again.
let isStored = false;
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig, xhr } = event.detail;
  if (target?.id !== "composer") return;
  isStored = requestConfig.verb === "post" && xhr.status === 200;
  const asksAnew = requestConfig.verb === "get" && requestConfig.path.includes("again=");
  // A picture that was picked takes the place of a file where there is room for one only.
  const isPicked = requestConfig.verb === "get" && /[?&]input=/.test(requestConfig.path) && box() && most() === 1;
  if (isStored || asksAnew || isPicked) files = [];
});

function enter() {
  if (!box()) {
    document.dispatchEvent(new CustomEvent("composer:source", { detail: null }));
    return;
  }
  for (const row of fromGallery()) replaced.delete(row.dataset.ref);
  if (form().hasAttribute("data-source-refused") && most() === 1) files = [];
  files = files.slice(0, Math.max(0, most() - fromGallery().length));
  files.forEach(know);
  draw();
}

document.addEventListener("htmx:load", (event) => { if (event.detail.elt.id === "composer") enter(); });
enter();
