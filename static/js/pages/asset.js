// One picture, video or 3D model: full screen, and a swipe to the next.

const stage = document.querySelector("[data-stage]");
const SWIPE_PX = 60;

document.querySelector("[data-full]")?.addEventListener("click", () => {
  if (document.fullscreenElement) document.exitFullscreen();
  else stage.requestFullscreen();
});

function step(isOnward) {
  stage.querySelector(`[data-step="${isOnward ? "older" : "newer"}"]`)?.click();
}

// Only a single finger that moves sideways: two are zooming, and downwards is scrolling.
let start = null;
stage.addEventListener("touchstart", (event) => {
  const isZoomed = (window.visualViewport?.scale ?? 1) > 1.01;
  const isOurs = !event.target.closest("[data-own-touch], video");
  start = isOurs && event.touches.length === 1 && !isZoomed ? event.touches[0] : null;
}, { passive: true });
stage.addEventListener("touchend", (event) => {
  if (!start || event.touches.length) return;
  const end = event.changedTouches[0];
  const across = end.clientX - start.clientX;
  const down = end.clientY - start.clientY;
  start = null;
  if (Math.abs(across) < SWIPE_PX || Math.abs(across) < 2 * Math.abs(down)) return;
  step((across < 0) === (document.dir !== "rtl"));
}, { passive: true });

// What is played and turned keeps its keys to itself: an arrow there winds the film, and leads to no other picture.
for (const player of stage.querySelectorAll("[data-own-keys]")) {
  player.addEventListener("keydown", (event) => {
    if (event.target.matches("video, canvas") && !event.metaKey && !event.ctrlKey) event.stopPropagation();
  });
}
