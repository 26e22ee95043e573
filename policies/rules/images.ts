import { celList, escaped } from '../cel';
import { containersOf, podsOf } from '../pods';
import { at, type PolicyResource, text } from '../resource';
import type { ResourceRule, Violation } from '../rule';
import type { PolicySettings } from '../settings';

interface Image {
  readonly path: string;
  readonly image: string;
}

function imagesOf(resource: PolicyResource): readonly Image[] {
  return podsOf(resource)
    .flatMap(containersOf)
    .flatMap(({ path, container }) => {
      const image = text(at(container, 'image'));
      return image === undefined ? [] : [{ path: `${path}.image`, image }];
    });
}

function violations(images: readonly Image[], wrong: (image: string) => string | undefined): Violation[] {
  return images.flatMap(({ path, image }) => {
    const message = wrong(image);
    return message === undefined ? [] : [{ path, message: `${image} ${message}` }];
  });
}

const compiled = new WeakMap<readonly string[], readonly RegExp[]>();

function patternsOf(registries: readonly string[]): readonly RegExp[] {
  const patterns = compiled.get(registries) ?? registryPatterns(registries).map((pattern) => new RegExp(pattern));
  compiled.set(registries, patterns);
  return patterns;
}

const TAG_AND_DIGEST = '(:[^/@]+)?(@.*)?$';

/**
 * Regular expressions, of JavaScript and of RE2, for images that come from a registry or a repository in it. Names
 * without a host are Docker Hub's, and those of one part are in its `library` (distribution/reference, normalize.go).
 */
export function registryPatterns(registries: readonly string[]): string[] {
  return registries.flatMap((registry) => {
    const name = registry.replace(/\/+$/, '');
    const full = `^${escaped(name)}(/[^:@]+)?${TAG_AND_DIGEST}`;
    if (name === 'docker.io') return [full, `^([^/:@]+|[^/.:@]+/[^:@]+)${TAG_AND_DIGEST}`];
    if (!name.startsWith('docker.io/')) return [full];
    const short = name.replace(/^docker\.io\/(library\/)?/, '');
    return [full, `^${escaped(short)}(/[^:@]+)?${TAG_AND_DIGEST}`];
  });
}

const ALL_IMAGES = 'variables.containers.map(c, c.image)';

/** Code that runs beside the models comes from where somebody has agreed to. */
export const imageRegistry: ResourceRule = {
  id: 'image-registry',
  title: 'images come from registries that the environment allows',
  severity: { development: 'warning', production: 'error' },
  reason: 'an image is code that reads the models and holds the GPUs: it comes from where somebody answers for it',
  fix: 'take the image from an allowed registry, or add its registry to triton-stack:policies.registries',
  source: 'CIS GKE Benchmark 1.4, 5.10.5 (only trusted images); distribution/reference, normalize.go (names of images)',
  check: (resource, { registries }) => {
    const allowed = patternsOf(registries);
    return violations(imagesOf(resource), (image) =>
      allowed.some((pattern) => pattern.test(image)) ? undefined : 'is of no registry that is allowed',
    );
  },
  cluster: {
    targets: 'pods',
    variables: ({ registries }: PolicySettings) => ({
      strange: `${ALL_IMAGES}.filter(i, !${celList(registryPatterns(registries))}.exists(p, i.matches(p)))`,
    }),
    validations: () => [
      {
        expression: 'variables.strange.size() == 0',
        message: `'images of no registry that is allowed: ' + variables.strange.join(', ')`,
      },
    ],
  },
};

/** Named by no tag, or by the one that moves. A colon in front of a slash is a registry's port. */
function isMoving(image: string): boolean {
  return !image.includes('@') && (image.endsWith(':latest') || !/:[^/]+$/.test(image));
}

/** What runs tomorrow is what was looked at today. */
export const imageLatest: ResourceRule = {
  id: 'image-latest',
  title: 'no image is named by no tag, or by latest',
  severity: { development: 'error', production: 'error' },
  reason: 'a pod that starts anew would run another program than the one beside it',
  fix: 'name a version, or a digest',
  source: 'Kubernetes documentation, "Images", image names',
  check: (resource) =>
    violations(imagesOf(resource), (image) =>
      isMoving(image) ? 'can change under a running service: it is named by no tag, or by latest' : undefined,
    ),
  cluster: {
    targets: 'pods',
    variables: () => ({
      moving: `${ALL_IMAGES}.filter(i, !i.contains('@') && (i.endsWith(':latest') || !i.matches(':[^/]+$')))`,
    }),
    validations: () => [
      {
        expression: 'variables.moving.size() == 0',
        message: `'images named by no tag, or by latest, can change under a running service: ' + variables.moving.join(', ') + '. Name a version or a digest'`,
      },
    ],
  },
};

/** A digest is the same bytes wherever they come from. */
export const imageDigest: ResourceRule = {
  id: 'image-digest',
  title: 'images are named by digest',
  severity: { development: 'warning', production: 'error' },
  reason: 'a registry can answer for a tag with another content tomorrow; for a digest it cannot',
  fix: 'npm run versions -- resolve looks up the digests of what the stack itself deploys',
  source: 'Kubernetes documentation, "Images", image names: digests',
  check: (resource) =>
    violations(imagesOf(resource), (image) => (image.includes('@sha256:') ? undefined : 'is named by tag alone')),
  cluster: {
    targets: 'pods',
    variables: () => ({ tagged: `${ALL_IMAGES}.filter(i, !i.contains('@sha256:'))` }),
    validations: () => [
      {
        expression: 'variables.tagged.size() == 0',
        message: `'images named by tag alone: ' + variables.tagged.join(', ') + '. Name their digests'`,
      },
    ],
  },
};
