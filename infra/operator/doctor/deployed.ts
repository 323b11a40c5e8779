import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { messageOf } from '../../../shared/runtime/errors.ts';
import type { Demo } from '../demo.ts';
import { InputError } from '../input-error.ts';

/** Functions by what they are called in Keyrota. */
export const FUNCTIONS = [
  'rotate-keys',
  'respond-to-compromise',
  'handle-secret-event',
  'check-expiry',
  'show-report',
] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

const OfFunctions = z.partialRecord(z.enum(FUNCTIONS), z.string().min(1));

/** What was deployed, as far as the doctor looks at it. */
export interface Deployed {
  urls: z.infer<typeof OfFunctions>;
  /** Ids of trusted profiles. */
  profileIds: z.infer<typeof OfFunctions>;
  /** What functions are called in the project, where that is not what they are called in Keyrota. */
  names: z.infer<typeof OfFunctions>;
  /** CRN of the Secrets Manager instance; null where it is not told. */
  secretsManagerCrn: string | null;
  /** CRN of the Code Engine project; null where it is not told. */
  projectCrn: string | null;
}

const output = <T>(value: z.ZodType<T>) => z.object({ value });

/** Outputs of the Terraform module, as `terraform output -json` tells them; the examples pass them on under the same names. */
const Outputs = z.object({
  function_urls: output(OfFunctions),
  profile_ids: output(OfFunctions),
  function_names: output(OfFunctions).optional(),
  secrets_manager_crn: output(z.string()).optional(),
  project_crn: output(z.string()).optional(),
});

const TO_MAKE =
  'terraform -chdir=infra/terraform/examples/basic output -json > deployed.json makes it; a configuration of your own passes on the outputs function_urls, profile_ids, function_names, secrets_manager_crn and project_crn of the module.';

/**
 * Reads what was deployed from a file with the outputs of Terraform; `-` is standard input.
 * @throws InputError `deployed_file_invalid`.
 */
export async function readDeployed(file: string): Promise<Deployed> {
  const invalid = (why: string, cause?: unknown) =>
    new InputError('deployed_file_invalid', `--deployed ${file}: ${why}`, { next: TO_MAKE, cause });
  const content = await (file === '-' ? text(process.stdin) : readFile(file, 'utf8')).catch((cause: unknown) => {
    throw invalid(`cannot be read: ${messageOf(cause)}`, cause);
  });
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    throw invalid('is not JSON.', cause);
  }
  const { data, error } = Outputs.safeParse(value, { reportInput: true });
  if (!data) {
    const faults = error.issues.map(faultText);
    throw invalid(`${faults.join('; ')}.`);
  }
  return {
    urls: data.function_urls.value,
    profileIds: data.profile_ids.value,
    names: data.function_names?.value ?? {},
    secretsManagerCrn: data.secrets_manager_crn?.value ?? null,
    projectCrn: data.project_crn?.value ?? null,
  };
}

function faultText({ path, message, input }: z.core.$ZodIssue): string {
  const place = path.join('.');
  return input === undefined ? `${place} is missing` : `${place === '' ? 'the file' : place}: ${message}`;
}

/** What the running demo deployed. */
export const deployedByDemo = ({ functionsUrl, profileIds }: Demo): Deployed => ({
  urls: Object.fromEntries(Object.keys(profileIds).map((name) => [name, `${functionsUrl}/${name}`])),
  profileIds,
  names: {},
  secretsManagerCrn: null,
  projectCrn: null,
});
