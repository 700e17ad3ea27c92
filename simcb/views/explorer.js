(() => {
  "use strict";
  const box = document.getElementById("explorer");
  const said = JSON.parse(document.getElementById("cells").textContent);
  const cells = new Map(said.cells.map((each) => [each[0].join(), each]));
  const sliders = [...box.querySelectorAll("input")];
  const rows = [...box.querySelectorAll("tbody tr")];
  const show = () => {
    const places = sliders.map((each) => Number(each.value));
    sliders.forEach((slider, axis) => {
      const value = said.axes[axis][places[axis]];
      slider.setAttribute("aria-valuetext", value);
      slider.nextElementSibling.textContent = value;
    });
    const [, words, numbers] = cells.get(places.join());
    box.querySelector(".lead").textContent = words;
    rows.forEach((row, line) => {
      [...row.querySelectorAll("td")].forEach((cell, column) => {
        cell.textContent = numbers[line][column];
      });
    });
  };
  const asked = location.hash.slice(1).split(",").map(Number);
  if (cells.has(asked.join())) {
    sliders.forEach((slider, axis) => { slider.value = asked[axis]; });
  }
  sliders.forEach((each) => each.addEventListener("input", show));
  show();
})();
