"use strict";
// Plotly is packed into the page: three times smaller, and nothing is fetched.
(async () => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const figures = read("figures"), templates = read("templates");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const places = [...document.querySelectorAll("[data-figure]")];

  async function unpack(id) {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  }

  function layout(given, width, template) {
    const narrow = width < 560;
    return {
      ...given, template, width: undefined, autosize: true,
      dragmode: narrow ? false : "zoom",  // a finger scrolls the page
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "inherit", size: narrow ? 11 : 12 },
      margin: { l: narrow ? 48 : 64, r: 16, t: 28, b: 44, ...given.margin },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", ...given.legend },
    };
  }

  async function draw(place, width, template) {
    const { data, layout: given } = figures[place.dataset.figure];
    place.style.width = width ? `${width}px` : "";
    const size = place.clientWidth;
    await Plotly.react(place, data, layout(given, size, template), {
      responsive: true, displaylogo: false, displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
    });
  }

  async function drawAll() {
    for (const place of places) {
      await draw(place, 0, dark.matches ? templates.dark : templates.light);
      await new Promise((resolve) => setTimeout(resolve));  // the page stays responsive
    }
  }

  if (places.length) {
    const script = document.createElement("script");
    script.text = await unpack("plotly");
    document.head.append(script);
    await drawAll();
    dark.addEventListener("change", drawAll);
    // as wide as paper
    addEventListener("beforeprint", () => places.forEach((place) =>
      draw(place, place.closest(".grid, .pair") ? 330 : 680, templates.light)));
    addEventListener("afterprint", drawAll);
  }
  document.documentElement.dataset.drawn = places.length;
})();
