/** Opens what a link leads to, where it is folded away or filtered out. */
export function revealTargets(): void {
  addEventListener('hashchange', reveal);
  // A link to where the page stands already changes no hash, and leads there all the same.
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a[href^="#"]') : null;
    if (link?.getAttribute('href') === location.hash) reveal();
  });
  reveal();
}

function reveal(): void {
  const id = decoded(location.hash.slice(1));
  const target = id === '' ? null : document.getElementById(id);
  if (target === null) return;
  target.dispatchEvent(new CustomEvent('reveal', { bubbles: true }));
  for (let up: Element | null = target; up !== null; up = up.parentElement) {
    if (up instanceof HTMLDetailsElement) up.open = true;
  }
  const own = target.querySelector(':scope > details');
  if (own instanceof HTMLDetailsElement) own.open = true;
  target.scrollIntoView({ block: 'start' });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
