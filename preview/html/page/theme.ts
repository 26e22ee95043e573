const KEY = 'triton-stack-report-theme';

type Theme = 'light' | 'dark';

/** A button that turns the page dark or light. It starts as the system has it, and remembers where it may. */
export function startTheme(): void {
  const button = document.getElementById('theme');
  if (button === null) return;
  const system = matchMedia('(prefers-color-scheme: dark)');
  let chosen = remembered();
  const show = (): void => {
    const dark = (chosen ?? (system.matches ? 'dark' : 'light')) === 'dark';
    if (chosen !== undefined) document.documentElement.dataset.theme = chosen;
    button.setAttribute('aria-pressed', String(dark));
  };
  button.addEventListener('click', () => {
    chosen = button.getAttribute('aria-pressed') === 'true' ? 'light' : 'dark';
    remember(chosen);
    show();
  });
  system.addEventListener('change', show);
  button.hidden = false;
  show();
}

/** Storage throws where a browser forbids it: in a sandboxed frame, or for files. */
function remembered(): Theme | undefined {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === 'dark' || theme === 'light' ? theme : undefined;
  } catch {
    return undefined;
  }
}

function remember(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // The choice lasts as long as the page.
  }
}
