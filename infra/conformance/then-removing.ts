import { ApiError } from '../../shared/clients/api-error.ts';

/** What fails in `work` says more than what fails in removing after it: the end of the run removes what is left. */
export async function thenRemoving<T>(work: () => Promise<T>, remove: () => Promise<void>): Promise<T> {
  const result = await work().catch(async (error: unknown) => {
    await remove().catch(() => undefined);
    throw error;
  });
  await remove().catch((error: unknown) => {
    if (!(error instanceof ApiError)) throw error;
  });
  return result;
}
