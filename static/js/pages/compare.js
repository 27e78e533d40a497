// A divider between two pictures that lie over each other: a range input, so that mouse, finger and keys all move it.

for (const slider of document.querySelectorAll("[data-slider]")) {
  const range = slider.querySelector("[data-slider-range]");
  const follow = () => slider.style.setProperty("--at", `${range.value}%`);
  slider.classList.add("is-on");
  range.addEventListener("input", follow);
  follow();
}

// On a picture's own page the divider comes and goes in the picture's place; without scripts the link leads to a page.
const toggle = document.querySelector("[data-compare-toggle]");
const stage = document.querySelector("[data-stage-compare]");
if (toggle && stage) {
  const picture = document.querySelector("[data-stage-picture]");
  toggle.setAttribute("role", "button");
  toggle.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    const isOn = stage.hidden;
    stage.hidden = !isOn;
    picture.hidden = isOn;
    toggle.setAttribute("aria-pressed", String(isOn));
    if (isOn) stage.querySelector("[data-slider-range]").focus({ preventScroll: true });
  });
  toggle.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    toggle.click();
  });
}
