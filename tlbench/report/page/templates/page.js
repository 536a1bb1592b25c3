"use strict";
// Paper has no folds: what is folded is opened for printing, and folded again afterwards.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((each) => { each.open = true; });
});
addEventListener("afterprint", () => {
  opened.forEach((each) => { each.open = false; });
});

const button = document.getElementById("copy-bibtex");
if (button && navigator.clipboard) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const told = document.getElementById("copied");
    try {
      await navigator.clipboard.writeText(document.getElementById("bibtex").textContent);
      told.textContent = "Copied.";
    } catch {
      told.textContent = "The browser does not allow it: select the text and copy it.";
    }
  });
}
