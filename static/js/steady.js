// Fragments that come again and again while a job runs are not swapped when only figures moved: animations go on, bars
// glide, nothing loses the focus. A fragment says what it is made of with `data-steady`, and what may move with `data-part`.

const frameOf = (root) => [root, ...root.querySelectorAll("[data-steady]")].map((node) => node.dataset?.steady ?? "").join("|");
const partsOf = (root) => [...root.querySelectorAll("[data-part]")];

function move(part, fresh) {
  if (part.matches("progress")) {
    if (fresh.hasAttribute("value")) part.value = fresh.value;
    else part.removeAttribute("value");
  }
  else if (part.textContent !== fresh.textContent) part.textContent = fresh.textContent;
}

function isSame(now, next, parts, fresh) {
  return parts.length > 0 && parts.length === fresh.length && frameOf(now) === frameOf(next)
    && parts.every((part, index) => part.dataset.part === fresh[index].dataset.part);
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, serverResponse, xhr } = event.detail;
  if (xhr.status !== 200 || !target?.querySelector?.("[data-part]")) return;
  const answer = new DOMParser().parseFromString(serverResponse, "text/html").body;
  // The fragment is the target itself (outerHTML), or what it holds (innerHTML).
  const now = target.matches("[data-steady]") ? target : target.querySelector("[data-steady]");
  const next = answer.querySelector("[data-steady]");
  if (!now || !next || next.querySelector("[role='alert']")) return;
  const parts = partsOf(now);
  const fresh = partsOf(next);
  if (!isSame(now, next, parts, fresh)) return;
  event.detail.shouldSwap = false;
  parts.forEach((part, index) => move(part, fresh[index]));
});
