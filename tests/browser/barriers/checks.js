// What a state of a page must not have, on the screen that is set. Runs as a function body in the page and answers with sentences;
// each names what it is about by a selector or by its markup.

const [{ isTouch, looksAtFocus, isForced }] = arguments;
const page = document.documentElement;
const found = [];
const say = (what, element) => found.push(`${what}: ${element ? named(element) : ''}`);

await auditByAxe();
checkWidth();
checkMotion();
checkTargets();
if (isForced) checkForcedColours();
if (looksAtFocus) checkFocus();
return found;

async function auditByAxe() {
  const answer = await axe.run(document, {
    resultTypes: ['violations', 'incomplete'],
    rules: { 'target-size': { enabled: true } },
  });
  for (const { id, help, nodes } of answer.violations) {
    // An open menu lies over what is below it until it is closed, as it is meant to.
    const isBelowMenu = ({ failureSummary }) => id === 'target-size' && failureSummary.includes('partially obscured')
      && document.querySelector('details.menu[open]');
    for (const { target, failureSummary } of nodes.filter((node) => !isBelowMenu(node)).slice(0, 5)) {
      found.push(`axe ${id} (${help}): ${target.join(' ')}: ${failureSummary.replace(/\s+/g, ' ')}`);
    }
  }
  for (const { id, nodes } of answer.incomplete) nodes.forEach((node) => decide(id, node));
}

// What axe leaves to people. Of contrast: text below a menu or a link that covers its row, text that a box scrolls, single letters,
// empty fields, and text beside a mark in the background. All of it stands on the backgrounds of what it is in, which can be counted.
function decide(id, { target, any }) {
  const element = document.querySelector(target.at(-1));
  // A letter that stands for a face is no label, and hidden from those who hear the page.
  if (id === 'label-content-name-mismatch' && element.querySelector('.avatar[aria-hidden=true]')) return;
  if (id !== 'color-contrast') return say(`axe ${id} is left undecided`, element);
  const least = parseFloat(any[0].data.expectedContrastRatio);
  const ratio = contrastOf(element);
  if (!(ratio >= least)) say(`a contrast of ${ratio}, less than ${least}`, element);
}

// WCAG 2.2, 1.4.3. Not a number where the background is more than a colour.
function contrastOf(element) {
  const isEmpty = element.matches('input, textarea') && !element.value;
  const { color } = getComputedStyle(element, isEmpty ? '::placeholder' : null);
  const below = [];
  for (let node = element; node; node = node.parentElement) {
    const style = getComputedStyle(node);
    if (hasPicture(style) || style.opacity !== '1') return NaN;
    below.unshift(style.backgroundColor);
  }
  const [front, back] = [painted([...below, color]), painted(below)].map(luminance).sort((a, b) => b - a);
  return Math.floor((front + 0.05) / (back + 0.05) * 100) / 100;
}

// A mark at the edge of a field, such as the arrow of a selection, is not below its text.
function hasPicture({ backgroundImage, backgroundRepeat, backgroundSize, backgroundPosition }) {
  const isSmall = backgroundSize.split(/[ ,]+/).every((side) => parseFloat(side) <= 8);
  const isMark = isSmall && /^no-repeat(, no-repeat)*$/.test(backgroundRepeat) && /^(right|calc\(100%)/.test(backgroundPosition);
  return backgroundImage !== 'none' && !isMark;
}

// The colour that is left when these are painted one over another, on white; none where one of them is not known to paint with.
function painted(colours) {
  const context = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d');
  for (const colour of ['white', ...colours]) {
    // What is not known leaves the one before.
    const taken = ['#000', '#fff'].map((before) => {
      context.fillStyle = before;
      context.fillStyle = colour;
      return context.fillStyle;
    });
    if (taken[0] !== taken[1]) return [NaN, NaN, NaN];
    context.fillRect(0, 0, 1, 1);
  }
  return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

function luminance(colour) {
  const [red, green, blue] = colour.map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

// What sticks out to the right, unless it is in a box that scrolls by itself.
function checkWidth() {
  if (page.scrollWidth <= page.clientWidth) return;
  const wide = [...document.body.querySelectorAll('*')]
    .filter((node) => node.getBoundingClientRect().right > page.clientWidth + 1 && !scrolls(node.parentElement));
  say(`${page.scrollWidth} px wide in a window of ${page.clientWidth} px`, wide.at(-1));
}

function scrolls(node) {
  return node && node !== page && node !== document.body
    && (getComputedStyle(node).overflowX !== 'visible' || scrolls(node.parentElement));
}

// The browser was told that its reader wants no motion.
function checkMotion() {
  for (const animation of document.getAnimations()) say('moves in spite of reduced motion', animation.effect.target);
}

// WCAG 2.2, 2.5.8: 24 px, or as much room around it; 2.5.5 for fingers: 44 px. Links within a sentence are exempt.
function checkTargets() {
  const least = isTouch ? 44 : 24;
  for (const element of reachable()) {
    const target = areaOf(element);
    if (isWithinText(element) || Math.min(target.width, target.height) >= least - 0.5) continue;
    say(`${Math.round(target.width)} by ${Math.round(target.height)} px, less than ${least}`, element);
  }
}

// A field's label is part of its target, and so is whatever a link lays over its row.
function areaOf(element) {
  const own = element.getBoundingClientRect();
  const cover = getComputedStyle(element, '::after');
  const row = cover.position === 'absolute' && cover.content !== 'none' && element.closest('tr, li');
  if (row) return row.getBoundingClientRect();
  const label = element.labels?.[0]?.getBoundingClientRect();
  if (!label || element.matches('input:not([type=checkbox], [type=radio]), select, textarea')) return own;
  return label;
}

function isWithinText(element) {
  if (!element.matches('a') || getComputedStyle(element).display !== 'inline') return false;
  const text = (node) => node.textContent.replace(/\s+/g, ' ').trim();
  return text(element.closest('p, dd, dt, li, td, th, small, h1, h2, h3, div')).length > text(element).length;
}

// With the reader's own colours only edges and words are left of a control.
function checkForcedColours() {
  for (const control of document.querySelectorAll('.btn, .input, .select, input[role=switch], .panel-box, .menu-list, dialog')) {
    if (!control.checkVisibility()) continue;
    const style = getComputedStyle(control);
    const hasEdge = ['Top', 'Right', 'Bottom', 'Left'].every((side) => parseFloat(style[`border${side}Width`]) > 0);
    if (!hasEdge) say('has no edge with forced colours', control);
  }
}

// Whatever takes the focus shows it, with a line of 2 px, on itself or on what stands for it.
function checkFocus() {
  const before = document.activeElement;
  // What has the focus already is not asked again whether it shows it.
  before?.blur();
  for (const element of reachable()) {
    element.focus({ focusVisible: true, preventScroll: true });
    if (document.activeElement !== element) continue;
    const shown = [element, element.nextElementSibling, element.closest('label'), element.closest('tr')].some(hasRing);
    if (!shown) say('takes the focus and does not show it', element);
  }
  before?.focus({ preventScroll: true });
}

function hasRing(element) {
  if (!element) return false;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
}

function reachable() {
  const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')];
  const modal = document.querySelector('dialog:modal');
  return all.filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled
    && !element.closest('[inert]') && !element.matches('[type=hidden], .skip-link') && (!modal || modal.contains(element)));
}

function named(element) {
  return element.outerHTML.replace(/\s+/g, ' ').slice(0, 160);
}
