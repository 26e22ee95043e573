/** The sandbox cannot go on: the message says why and what to do, and no stack trace would add to it. */
export class SandboxFailure extends Error {}
