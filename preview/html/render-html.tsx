import { renderToString } from 'preact-render-to-string';
import type { Compared } from '../diff/plan-diff';
import { contentSecurityPolicy, pageAssets } from './page-assets';
import { Report } from './report';

/**
 * A plan, and what differs from its base, as one HTML file that needs nothing else: no script, style, font or picture
 * comes from elsewhere, and its content security policy allows none. It reads without JavaScript; with it, lists can be
 * filtered.
 */
export function renderHtml(compared: Compared): string {
  const assets = pageAssets();
  const { environment } = compared.plan;
  const head = renderToString(
    <head>
      <meta charset="utf-8" />
      <meta http-equiv="Content-Security-Policy" content={contentSecurityPolicy(assets)} />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="referrer" content="no-referrer" />
      <title>
        {compared.diff === undefined ? `Plan of ${environment}` : `Changes of ${environment}`} · triton-stack
      </title>
      {/* Bundled from page/, with nothing of the plan in it: the one place where markup is not escaped. */}
      <style dangerouslySetInnerHTML={{ __html: assets.style }} />
    </head>,
  );
  const body = renderToString(
    <body>
      <Report {...compared} />
      {/* Bundled from page/, with nothing of the plan in it: the one place where markup is not escaped. */}
      <script dangerouslySetInnerHTML={{ __html: assets.script }} />
    </body>,
  );
  return `<!doctype html>\n<html lang="en">${head}${body}</html>\n`;
}
