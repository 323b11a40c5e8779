import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Something that is bundled alone, and deployed by itself. */
export interface BundleSource {
  name: string;
  /** The file that it begins with, from the root of the project. */
  entry: string;
  /** It is run as `node main.js`, from an image; otherwise Code Engine calls its `main`. */
  isJob: boolean;
}

/** All that is bundled of the functions in a folder: each by its handler, and by its job where it has one. */
export async function bundlesIn(functionsFolder: string): Promise<BundleSource[]> {
  const entries = await readdir(functionsFolder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const bundles = names.map(async (name): Promise<BundleSource[]> => {
    const files = await readdir(join(functionsFolder, name));
    return [
      { name, entry: `functions/${name}/handler.ts`, isJob: false },
      ...(files.includes('job.ts') ? [{ name: `${name}-job`, entry: `functions/${name}/job.ts`, isJob: true }] : []),
    ];
  });
  return (await Promise.all(bundles)).flat();
}

/**
 * What Node is told when it runs a job: to use less memory rather than less processor time. Without it Node lets garbage of a few
 * hundred megabytes lie, for it sees that there is room.
 */
export const JOB_FLAGS = ['--optimize-for-size', '--max-semi-space-size=2'];

const command = ['node', ...JOB_FLAGS, '/keyrota/main.js'];

/** Makes the image of a job from its bundle. The module of Terraform gives the same command. */
export const DOCKERFILE = `FROM node:24-slim
COPY . /keyrota
USER node
CMD ${JSON.stringify(command)}
`;
