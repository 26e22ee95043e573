import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { buildPlan } from '../../../preview/build-plan';
import { diffPlans } from '../../../preview/diff/diff-plans';
import type { Compared } from '../../../preview/diff/plan-diff';
import { renderHtml } from '../../../preview/html/render-html';
import type { Plan } from '../../../preview/plan';
import { environmentFolder, environmentText, shippedConfig } from '../../support/environment-file';

/** Longest wait for anything in a page. */
const WAIT_MS = 120_000;

/** The plan of an environment with that many models, of two kinds, on one pool. */
export async function planOfMany(models: number): Promise<Plan> {
  const config = shippedConfig('dev');
  config.pools.l4.max = models + 1;
  config.network = { nodes: '10.0.0.0/20', pods: '10.64.0.0/12', services: '10.8.0.0/20' };
  config.serving = {
    models: Array.from({ length: models }, (_, index) => ({
      model: index % 2 === 0 ? 'llama-3.1-8b' : 'resnet50',
      name: `${index % 2 === 0 ? 'llama' : 'resnet'}-${String(index).padStart(3, '0')}`,
      scale: { min: 1, max: 1 },
    })),
  };
  return buildPlan(environmentFolder('many', environmentText(config)), 'many');
}

/** What a newer Triton in every server changes in a plan. */
export function newImages(plan: Plan): Required<Compared> {
  const before = JSON.parse(
    JSON.stringify(plan).replaceAll('nvcr.io/nvidia/tritonserver:', 'nvcr.io/nvidia/tritonserver:0.'),
  ) as Plan;
  const diff = diffPlans({ environment: plan.environment, base: { name: 'main' }, before, after: plan });
  return { plan, diff };
}

/** A page, and what went on in it that should not. */
export interface OpenedPage {
  readonly page: Page;
  /** Errors on the console, exceptions, breaches of the content security policy, dialogs. */
  readonly trouble: readonly string[];
  /** Addresses that were asked for, beside the page's own. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Writes reports to files and opens them, each in a browser profile of its own. */
export class ReportPages {
  private readonly folder = mkdtempSync(join(tmpdir(), 'triton-stack-report-'));
  private files = 0;

  constructor(private readonly browser: Browser) {}

  /** The address of a report. */
  write(compared: Compared): string {
    const file = join(this.folder, `report-${this.files++}.html`);
    writeFileSync(file, renderHtml(compared));
    return pathToFileURL(file).href;
  }

  async open(address: string, options: BrowserContextOptions & { readonly before?: string } = {}): Promise<OpenedPage> {
    const { before, ...contextOptions } = options;
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 900 }, ...contextOptions });
    context.setDefaultTimeout(WAIT_MS);
    const page = await context.newPage();
    const trouble: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) trouble.push(message.text());
    });
    page.on('pageerror', (error) => trouble.push(String(error)));
    page.on('dialog', (dialog) => {
      trouble.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      if (request.url() !== address.replace(/#.*$/, '')) requests.push(request.url());
    });
    if (before !== undefined) await page.addInitScript(before);
    await page.goto(address);
    return { page, trouble, requests, close: () => context.close() };
  }
}

/** Opens every fold of a page. */
export async function openFolds(page: Page): Promise<void> {
  await page.evaluate('for (const fold of document.querySelectorAll("details")) fold.open = true');
}
