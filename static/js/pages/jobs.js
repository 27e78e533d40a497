// Cards of jobs: what ended is said aloud; a new one comes into view, and takes the place of itself if it comes twice.

const announcer = document.getElementById("job-announcer") ?? document.getElementById("announcer");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const running = new Set();

function note(card, isFresh) {
  const { job, live, announce } = card.dataset;
  if (live) running.add(job);
  else if (isFresh && running.delete(job)) announcer.textContent = announce;
  const row = card.closest("[data-new]");
  if (!row) return;
  row.removeAttribute("data-new");
  announcer.textContent = announce;
  row.scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
}

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  for (const card of event.detail.fragment.querySelectorAll(".job")) {
    document.querySelector(`#results #${CSS.escape(card.id)}`)?.closest(".result").remove();
  }
});

document.addEventListener("htmx:load", (event) => {
  const root = event.detail.elt;
  if (root.matches(".job")) note(root, true);
  else for (const card of root.querySelectorAll(".job")) note(card, true);
});

// What was begun from the dialog of a picture goes on among the others.
document.addEventListener("close", (event) => {
  const results = document.getElementById("results");
  const begun = event.target.id === "tasks-dialog" && results && event.target.querySelector(".job");
  if (!begun) return;
  const row = document.createElement("li");
  row.className = "result";
  row.tabIndex = -1;
  row.dataset.focusHome = "";
  row.append(begun);
  results.prepend(row);
}, true);

for (const card of document.querySelectorAll(".job")) note(card, false);
