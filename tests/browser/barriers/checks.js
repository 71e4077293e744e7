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
    resultTypes: ['violations'],
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
  return text(element.closest('p, dd, dt, li, td, small, h1, h2, h3, div')).length > text(element).length;
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
