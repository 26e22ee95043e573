export interface Preview {
  readonly environment: string;
  readonly exitCode: 0 | 1 | 2 | undefined;
  readonly markdown: string | undefined;
  readonly errors: string | undefined;
}

export declare function readPreviews(folder: string): Preview[];
