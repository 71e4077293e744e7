// Dragging over the bars of the overview chooses that time. With the keyboard, the table below has the bars, and the filters the times.

const LEAST_PX = 6;

let drag;

document.addEventListener('pointerdown', (event) => {
  const plot = event.target.closest?.('[data-zoom]');
  if (!plot || event.button !== 0 || event.pointerType === 'touch') return;
  // The links of the bars would be dragged themselves.
  event.preventDefault();
  drag = { plot, from: event.clientX, mark: undefined };
});

document.addEventListener('pointermove', (event) => {
  if (!drag || (!drag.mark && Math.abs(event.clientX - drag.from) < LEAST_PX)) return;
  drag.mark ??= begin(drag.plot);
  const [left, right] = span(drag, event.clientX);
  drag.mark.setAttribute('x', left * 1000);
  drag.mark.setAttribute('width', (right - left) * 1000);
});

document.addEventListener('pointerup', (event) => {
  // Whoever drags back to where it began thinks better of it.
  if (!drag?.mark || Math.abs(event.clientX - drag.from) < LEAST_PX) return end();
  const [left, right] = span(drag, event.clientX);
  const { zoom, since, until } = drag.plot.dataset;
  const at = (part) => new Date(Date.parse(since) + part * (Date.parse(until) - Date.parse(since))).toISOString();
  const address = new URL(zoom, location.href);
  address.searchParams.set('since', at(left));
  address.searchParams.set('until', at(right));
  location.assign(address);
});

// What is pressed and dragged is no click on a bar.
document.addEventListener('click', (event) => {
  if (drag?.mark) event.preventDefault();
  end();
}, { capture: true });
document.addEventListener('pointercancel', end);
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') end();
});

function begin(plot) {
  const mark = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  mark.setAttribute('class', 'zoom');
  mark.setAttribute('y', '0');
  mark.setAttribute('height', '100');
  plot.append(mark);
  return mark;
}

// As parts of the picture, from the left.
function span({ plot, from }, to) {
  const box = plot.getBoundingClientRect();
  const part = (x) => Math.min(1, Math.max(0, (x - box.left) / box.width));
  return [part(Math.min(from, to)), part(Math.max(from, to))];
}

function end() {
  drag?.mark?.remove();
  drag = undefined;
}
