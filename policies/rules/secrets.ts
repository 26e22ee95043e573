import { containersOf, podsOf } from '../pods';
import { at, entries, isOpaque, list, objectKind, type PolicyResource, text } from '../resource';
import type { ResourceRule, Violation } from '../rule';

/** CEL for the names of the variables of all containers that are so. */
function namesOf(condition: string): string {
  return `variables.containers.map(c, c.?env.orValue([]).filter(e, ${condition}).map(e, e.name).join(', ')).filter(n, n != '').join(', ')`;
}

/** Resources that are keys. */
const KEYS = [
  'gcp:serviceaccount/key:Key',
  'gcp:serviceAccount/key:Key',
  'gcp:storage/hmacKey:HmacKey',
  'aws:iam/accessKey:AccessKey',
];

/** Variables that hold keys of AWS, of stores that speak S3, and of Google's service accounts, RE2 and JavaScript. */
const KEY_VARIABLE =
  '^(AWS_ACCESS_KEY_ID|AWS_SECRET_ACCESS_KEY|RCLONE_CONFIG_.+_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SERVICE_ACCOUNT_CREDENTIALS|SERVICE_ACCOUNT_FILE))$';

export const staticKey: ResourceRule = {
  id: 'static-key',
  title: 'nobody holds a static key of a cloud: identities are exchanged for tokens that end',
  severity: { development: 'warning', production: 'error' },
  reason: 'a key works for whoever has a copy of it, until somebody notices',
  fix: 'workload identity on GKE; for S3 credentials of kind web-identity',
  source:
    'CIS Google Cloud Platform Foundation Benchmark, 1.4; Google Cloud documentation, "Best practices for managing service account keys"',
  check: (resource) => {
    if (KEYS.includes(resource.type)) return [{ message: 'is a static key' }];
    return podsOf(resource)
      .flatMap(containersOf)
      .flatMap(({ path, container }) =>
        list(at(container, 'env')).flatMap((variable, index): Violation[] => {
          const name = text(at(variable, 'name')) ?? '';
          if (!new RegExp(KEY_VARIABLE).test(name)) return [];
          return [{ path: `${path}.env[${index}]`, message: `${name} is a static key, wherever it comes from` }];
        }),
      );
  },
  cluster: {
    targets: 'pods',
    variables: () => ({ keys: namesOf(`e.name.matches('${KEY_VARIABLE}')`) }),
    validations: () => [
      {
        expression: `variables.keys == ''`,
        message: `'static keys: ' + variables.keys`,
      },
    ],
  },
};

/** Variables that are secrets by their names, RE2 and JavaScript. */
const SECRET_NAME =
  '(^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRET|SECRET_KEY|TOKEN|API_?KEY|APIKEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?)$';

/** What is no secret whatever its variable is called: nothing, a path, a switch, a reference to another. */
const HARMLESS_VALUE = '^(|/.*|[01]|true|false|[$][(][A-Za-z_][A-Za-z0-9_]*[)])$';

/** Texts that are keys by their form, as their issuers document it and scanners such as gitleaks know it. */
const KEY_TEXT = [
  '(AKIA|ASIA)[0-9A-Z]{16}',
  'nvapi-[A-Za-z0-9_-]{40,}',
  'hf_[A-Za-z0-9]{30,}',
  'gh[pousr]_[A-Za-z0-9]{36,}',
  'AIza[0-9A-Za-z_-]{35}',
  'glpat-[0-9A-Za-z_-]{20,}',
  'xox[abp]-[0-9A-Za-z-]{10,}',
  '-----BEGIN [A-Z ]*PRIVATE KEY-----',
].join('|');
const KEY_TEXT_PATTERN = new RegExp(KEY_TEXT);
const SECRET_NAME_PATTERN = new RegExp(SECRET_NAME);
const HARMLESS_PATTERN = new RegExp(HARMLESS_VALUE);

export const secretReference: ResourceRule = {
  id: 'secret-reference',
  title: 'secrets are named, and never written down',
  severity: { development: 'error', production: 'error' },
  reason: 'whoever reads a manifest, a ConfigMap or the history of a file has what is written there',
  fix: 'valueFrom.secretKeyRef, and a Secret from the External Secrets Operator or from a Pulumi secret',
  source: 'Kubernetes documentation, "Good practices for Kubernetes Secrets"',
  check: (resource) => {
    switch (objectKind(resource)) {
      case 'core/Secret':
        return secretViolations(resource);
      case 'core/ConfigMap':
        return entries(at(resource.props, 'data'))
          .filter(([, value]) => holdsKey(value))
          .map(([key]) => ({ path: `data["${key}"]`, message: 'holds a key' }));
      default:
        return podsOf(resource)
          .flatMap(containersOf)
          .flatMap(({ path, container }) => containerViolations(path, container));
    }
  },
  cluster: {
    targets: 'pods',
    variables: () => ({
      written: namesOf(
        `(e.name.upperAscii().matches('${SECRET_NAME}') && has(e.value) && !e.value.matches('${HARMLESS_VALUE}')) || e.?value.orValue('').matches('${KEY_TEXT}')`,
      ),
      told: `variables.containers.exists(c, (c.?command.orValue([]) + c.?args.orValue([])).exists(w, w.matches('${KEY_TEXT}')))`,
    }),
    validations: () => [
      {
        expression: `variables.written == ''`,
        message: `'secrets that are written down: ' + variables.written`,
      },
      { expression: '!variables.told', message: `'a command or an argument holds a key'` },
    ],
  },
};

/** The same scripts stand in the ConfigMaps of many models. */
const looked = new Map<string, boolean>();

function holdsKey(value: unknown): boolean {
  const own = text(value);
  if (own === undefined) return false;
  const known = looked.get(own);
  if (known !== undefined) return known;
  const found = KEY_TEXT_PATTERN.test(own);
  if (looked.size > 1000) looked.clear();
  looked.set(own, found);
  return found;
}

function secretViolations({ props }: PolicyResource): Violation[] {
  return ['data', 'stringData'].flatMap((part) =>
    entries(at(props, part))
      .filter(([, value]) => !isOpaque(value) && value !== '')
      .map(([key]) => ({ path: `${part}["${key}"]`, message: 'is written down: it is no Pulumi secret' })),
  );
}

function containerViolations(path: string, container: unknown): Violation[] {
  const variables = list(at(container, 'env')).flatMap((variable, index): Violation[] => {
    const name = text(at(variable, 'name')) ?? '';
    const value = text(at(variable, 'value'));
    if (value === undefined) return [];
    const named = SECRET_NAME_PATTERN.test(name.toUpperCase()) && !HARMLESS_PATTERN.test(value);
    if (!named && !KEY_TEXT_PATTERN.test(value)) return [];
    return [{ path: `${path}.env[${index}].value`, message: `${name} is written down` }];
  });
  const words = ['command', 'args'].flatMap((key) =>
    list(at(container, key)).flatMap((word, index): Violation[] =>
      KEY_TEXT_PATTERN.test(text(word) ?? '') ? [{ path: `${path}.${key}[${index}]`, message: 'holds a key' }] : [],
    ),
  );
  return [...variables, ...words];
}
