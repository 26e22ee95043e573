import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CertificateExtension, generate } from 'selfsigned';

/** Who talks to the API server, and the groups that each is in. All but the administrator have what RBAC grants them. */
const USERS = {
  admin: ['system:masters'],
  'system:kube-scheduler': [],
  'system:kube-controller-manager': [],
  kwok: [],
  // It acts as the cloud, on nodes, claims and pods of all namespaces.
  karpenter: ['system:masters'],
} as const satisfies Record<string, readonly string[]>;
export type User = keyof typeof USERS;

const YEARS = 10;
const CLUSTER_IP = '10.96.0.1';

/** The keys, certificates and tokens of one sandbox, made once. */
export class Certificates {
  constructor(private readonly folder: string) {}

  /** The path of one of the files. */
  file(
    name:
      | `${'ca' | 'apiserver' | 'kubelet' | 'front-proxy'}.${'crt' | 'key'}`
      | `service-account.${'pub' | 'key'}`
      | 'tokens.csv',
  ): string {
    return join(this.folder, name);
  }

  /** Makes all of them, or none: what an earlier run has made is kept. */
  async ensure(): Promise<void> {
    if (existsSync(this.folder)) return;
    const staging = `${this.folder}.partial`;
    rmSync(staging, { recursive: true, force: true });
    mkdirSync(staging, { recursive: true, mode: 0o700 });
    const write = (name: string, content: string) => writeFileSync(join(staging, name), content, { mode: 0o600 });
    const ca = await certificate('sandbox', [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    ]);
    const signed = {
      apiserver: server(['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'], [CLUSTER_IP]),
      kubelet: server([], []),
      'front-proxy': CLIENT,
    };
    write('ca.crt', ca.cert);
    write('ca.key', ca.private);
    for (const [name, extensions] of Object.entries(signed)) {
      const pair = await certificate(name === 'front-proxy' ? FRONT_PROXY : name, extensions, {
        key: ca.private,
        cert: ca.cert,
      });
      write(`${name}.crt`, pair.cert);
      write(`${name}.key`, pair.private);
    }
    const { privateKey, publicKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    write('service-account.key', privateKey);
    write('service-account.pub', publicKey);
    write(
      'tokens.csv',
      Object.entries(USERS)
        .map(([user, groups]) => tokenLine(user, groups))
        .join(''),
    );
    renameSync(staging, this.folder);
  }

  /** A pair for a program that is client and server of another on this machine. */
  async both(name: string): Promise<{ readonly ca: string; readonly cert: string; readonly key: string }> {
    const [cert, key] = (['crt', 'key'] as const).map((kind) => readFileSync(this.file(`ca.${kind}`), 'utf8'));
    const ca = { cert: cert ?? '', key: key ?? '' };
    const pair = await certificate(name, BOTH, ca);
    return { ca: ca.cert, cert: pair.cert, key: pair.private };
  }

  /** A kubeconfig for one user, as YAML, which JSON is. */
  kubeconfig(user: User, server: string, context: string): string {
    return JSON.stringify(
      {
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': context,
        clusters: [
          {
            name: context,
            cluster: { server, 'certificate-authority-data': readFileSync(this.file('ca.crt')).toString('base64') },
          },
        ],
        users: [{ name: user, user: { token: this.token(user) } }],
        contexts: [{ name: context, context: { cluster: context, user } }],
      },
      null,
      2,
    );
  }

  private token(user: User): string {
    const lines = readFileSync(this.file('tokens.csv'), 'utf8').split('\n');
    const [token] = lines.map((line) => line.split(',')).find(([, name]) => name === user) ?? [];
    if (token === undefined) throw new Error(`${this.folder} has no token of ${user}`);
    return token;
  }
}

/** The name that the API server shows to servers behind it. */
export const FRONT_PROXY = 'front-proxy-client';

const CLIENT: CertificateExtension[] = [{ name: 'extKeyUsage', clientAuth: true }];

const LOCAL: CertificateExtension = {
  name: 'subjectAltName',
  altNames: [
    { type: 2, value: 'localhost' },
    { type: 7, ip: '127.0.0.1' },
  ],
};
const BOTH: CertificateExtension[] = [{ name: 'extKeyUsage', clientAuth: true, serverAuth: true }, LOCAL];

function server(names: readonly string[], addresses: readonly string[]): CertificateExtension[] {
  return [
    { name: 'extKeyUsage', serverAuth: true },
    {
      name: 'subjectAltName',
      altNames: [
        ...['localhost', ...names].map((value) => ({ type: 2 as const, value })),
        ...['127.0.0.1', ...addresses].map((ip) => ({ type: 7 as const, ip })),
      ],
    },
  ];
}

function certificate(commonName: string, extensions: CertificateExtension[], ca?: { key: string; cert: string }) {
  const notAfterDate = new Date();
  notAfterDate.setFullYear(notAfterDate.getFullYear() + YEARS);
  return generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate,
    extensions,
    ...(ca && { ca }),
  });
}

function tokenLine(user: string, groups: readonly string[]): string {
  const token = randomBytes(16).toString('hex');
  const id = createHash('sha256').update(user).digest('hex').slice(0, 12);
  return `${token},${user},${id}${groups.length === 0 ? '' : `,"${groups.join(',')}"`}\n`;
}
