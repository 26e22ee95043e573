import { describe, expect, it } from 'vitest';
import { catalog } from '../../models/catalog';
import type { Model } from '../../models/model';
import { shutdown } from '../../models/shutdown';
import { fileBytes } from '../../models/size';
import { repositoryDiskGib, repositoryVolumeGib, rolloutSeconds, startupBudgetSeconds } from '../../models/startup';
import { wrap } from '../../models/text';
import { imageReference, versions } from '../../models/versions';
import { engineModel } from '../support/models';

const llama = catalog.get('llama-3.1-8b') as Model;
const resnet = catalog.get('resnet50') as Model;

describe('start-up and shutdown', () => {
  it('grant a larger model more time and disk', () => {
    expect(startupBudgetSeconds(llama)).toBeGreaterThan(startupBudgetSeconds(resnet));
    expect(repositoryDiskGib(llama)).toBeGreaterThanOrEqual(fileBytes(llama) / 1024 ** 3);
    expect(repositoryVolumeGib(llama)).toBe(32);
    expect(repositoryVolumeGib(resnet)).toBe(16);
    expect(rolloutSeconds(llama)).toBeGreaterThan(startupBudgetSeconds(llama) + 900);
  });

  it('let what is in flight finish before the pod is killed', () => {
    const { preStopSeconds, exitTimeoutSeconds, gracePeriodSeconds } = shutdown(engineModel({ deadlineSeconds: 90.5 }));
    expect(exitTimeoutSeconds).toBe(91);
    expect(gracePeriodSeconds).toBeGreaterThan(preStopSeconds + exitTimeoutSeconds);
  });
});

describe('versions', () => {
  it('say where each was looked up, and hold no digest or commit that cannot be one', () => {
    const { charts, images, upstream } = versions;
    const all = [...Object.values(charts), ...Object.values(images), ...Object.values(upstream)];
    for (const { source } of all) expect(source.length).toBeGreaterThan(10);
    for (const { digest } of Object.values(images)) expect(digest).toMatch(/^(unresolved|sha256:[0-9a-f]{64})$/);
    for (const { commit } of Object.values(upstream)) expect(commit).toMatch(/^[0-9a-f]{40}$/);
  });

  it('name an image by its digest once that is known', () => {
    const image = { repository: 'example.com/a', tag: '1', digest: 'unresolved', source: '' };
    expect(imageReference(image)).toBe('example.com/a:1');
    expect(imageReference({ ...image, digest: 'sha256:0' })).toBe('example.com/a:1@sha256:0');
  });
});

it('wrap breaks between words', () => {
  expect(wrap('a bb ccc dddddddd e', 4)).toEqual(['a bb', 'ccc', 'dddddddd', 'e']);
});
