// The map of a process: live counts, or the path of one instance. Everything on it is text.
"use strict";

(async () => {
  const place = document.getElementById("map");
  const note = document.getElementById("map-note");
  const refreshed = 2000;

  const get = async (url) => {
    const answer = await fetch(url, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(`${answer.status} ${url}`);
    return answer;
  };

  const none = (text) => {
    place.classList.add("none");
    place.textContent = text;
  };

  let xml;
  try {
    xml = await (await get(place.dataset.xml)).text();
  } catch (error) {
    none("The model cannot be read. The table below says the same.");
    return;
  }
  if (!xml.includes("BPMNShape")) {
    none("This model has no diagram. The table below says where instances are.");
    return;
  }
  const viewer = new BpmnJS({ container: place });
  try {
    await viewer.importXML(xml);
  } catch (error) {
    none("The diagram of this model cannot be drawn.");
    return;
  }
  const canvas = viewer.get("canvas");
  const elements = viewer.get("elementRegistry");
  const overlays = viewer.get("overlays");
  canvas.zoom("fit-viewport", "auto");
  // Room for the badges at the edges.
  const box = canvas.viewbox();
  const [wider, higher] = [box.width * 0.06, box.height * 0.1];
  canvas.viewbox({
    x: box.x - wider / 2,
    y: box.y - higher / 2,
    width: box.width + wider,
    height: box.height + higher,
  });

  const badge = (id, text, kind, position) => {
    const mark = document.createElement("div");
    mark.className = kind;
    mark.textContent = text;
    overlays.add(id, "count", { position, html: mark });
  };

  const drawCounts = async () => {
    const live = await (await get(place.dataset.live)).json();
    overlays.remove({ type: "count" });
    for (const [id, at] of Object.entries(live.elements)) {
      if (!elements.get(id)) continue;
      if (at.active) badge(id, at.active.toLocaleString("en"), "count", { top: -12, right: 14 });
      if (at.incidents) badge(id, at.incidents.toLocaleString("en"), "count stuck", { bottom: 12, left: -12 });
    }
    place.dataset.drawn = "counts";
  };

  const drawPath = () => {
    for (const visit of document.querySelectorAll(".path [data-element]")) {
      for (const flow of visit.dataset.via.split(" ")) {
        if (flow && elements.get(flow)) canvas.addMarker(flow, "passed");
      }
      const id = visit.dataset.element;
      if (!elements.get(id)) continue;
      const isHere = visit.dataset.state === "active";
      canvas.removeMarker(id, isHere ? "passed" : "here");
      canvas.addMarker(id, isHere ? "here" : "passed");
    }
    place.dataset.drawn = "path";
  };

  if (!place.dataset.live) {
    drawPath();
    return;
  }
  const follow = async () => {
    if (!document.hidden) {
      try {
        await drawCounts();
        note.textContent = "";
      } catch (error) {
        note.textContent = "The server does not answer; the counts are those of before.";
      }
    }
    setTimeout(follow, refreshed);
  };
  await follow();
})();
