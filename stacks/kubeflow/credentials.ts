import { type Output, secret } from '@pulumi/pulumi';
import { RandomPassword } from '@pulumi/random/randomPassword.js';
import type { ChildOptions } from '../component';

/** Letters and digits alone: passwords stand in command lines, addresses of databases and shells of upstream's scripts. */
const LENGTH = 32;

/** A password that is made once and kept in the stack's state, encrypted. */
export function generatedPassword(name: string, options: ChildOptions): Output<string> {
  return secret(new RandomPassword(name, { length: LENGTH, special: false }, options).result);
}
