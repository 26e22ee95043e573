/** Milliseconds without a key after which a text is looked for. */
const PAUSE_MS = 120;

type Control = HTMLInputElement | HTMLSelectElement;

/** Makes every filter bar of the page work, and shows it. */
export function startFilters(): void {
  for (const bar of document.querySelectorAll<HTMLElement>('[data-filters]')) startFilter(bar);
}

function startFilter(bar: HTMLElement): void {
  const list = document.getElementById(bar.dataset.filters ?? '');
  const result = bar.querySelector('[data-result]');
  const clear = bar.querySelector<HTMLButtonElement>('[data-clear]');
  const controls = [...bar.querySelectorAll<Control>('[data-filter]')];
  if (list === null || result === null || clear === null) return;
  const items = [...list.querySelectorAll<HTMLElement>('[data-item]')];
  const groups = [...list.querySelectorAll<HTMLElement>('[data-group-of-items]')];
  const folds = [...list.querySelectorAll<HTMLDetailsElement>('details[data-fold]')];
  const opened = new Set<HTMLDetailsElement>();
  const [one, several] = (bar.dataset.item ?? '|').split('|');

  const apply = (): void => {
    const tests = controls.flatMap(testOf);
    const filtered = tests.length > 0;
    let left = 0;
    for (const item of items) {
      const shown = tests.every((test) => test(item));
      item.hidden = !shown;
      if (shown) left += 1;
    }
    for (const group of groups) group.hidden = filtered && !has(group);
    for (const fold of folds) {
      if (filtered && has(fold)) {
        if (!fold.open) opened.add(fold);
        fold.open = true;
      } else if (!filtered && opened.delete(fold)) fold.open = false;
      // A fold of items alone says how many there are: with none of them left it goes.
      if (fold.classList.contains('more-items')) fold.hidden = filtered && !has(fold);
    }
    const count = `${left.toLocaleString('en-US')} ${left === 1 ? one : several}`;
    result.textContent = filtered ? `${count} of ${items.length.toLocaleString('en-US')}` : count;
    clear.hidden = !filtered;
  };

  let waiting = 0;
  bar.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, PAUSE_MS);
  });
  const reset = (): void => {
    for (const control of controls) {
      if (control instanceof HTMLInputElement && control.type === 'checkbox') control.checked = false;
      else control.value = '';
    }
    apply();
  };
  clear.addEventListener('click', () => {
    reset();
    // The button goes: who pressed it stays among the controls.
    controls[0]?.focus();
  });
  list.addEventListener('reveal', ({ target }) => {
    if (target instanceof Element && target.closest('[hidden]') !== null) reset();
  });
  bar.hidden = false;
  // A browser that went back to the page may have kept what was chosen.
  apply();
}

function has(holder: HTMLElement): boolean {
  return holder.querySelector('[data-item]:not([hidden])') !== null;
}

type Test = (item: HTMLElement) => boolean;

/** What a control asks of items; nothing where it is left alone. */
function testOf(control: Control): Test[] {
  const property = control.dataset.filter ?? '';
  if (control instanceof HTMLInputElement && control.type === 'checkbox') {
    return control.checked ? [(item) => item.dataset[property] !== undefined] : [];
  }
  const value = control.value.trim();
  if (value === '') return [];
  if (property !== 'text') return [(item) => item.dataset[property] === value];
  const words = value.toLowerCase().split(/\s+/);
  return [(item) => words.every((word) => textOf(item).includes(word))];
}

const texts = new WeakMap<HTMLElement, string>();

/** An item's text in small letters, looked up once. */
function textOf(item: HTMLElement): string {
  let text = texts.get(item);
  if (text === undefined) {
    text = (item.textContent ?? '').toLowerCase();
    texts.set(item, text);
  }
  return text;
}
