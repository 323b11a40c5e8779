import type { ErrorHandler } from 'hono';
import type { CloudEnv } from '../parts.ts';

const DOCUMENTATION = 'https://docs.github.com/rest/secret-scanning/secret-scanning';

/** An error answer of GitHub. */
export class GitHubError extends Error {
  override readonly name = 'GitHubError';
  readonly status: 400 | 401 | 403 | 404 | 422;

  constructor(status: 400 | 401 | 403 | 404 | 422, message: string) {
    super(message);
    this.status = status;
  }
}

export const notFound = (): GitHubError => new GitHubError(404, 'Not Found');

/** Turns a GitHubError into its answer; anything else is thrown on. */
export const answerError: ErrorHandler<CloudEnv> = (error, context) => {
  if (!(error instanceof GitHubError)) throw error;
  const { message, status } = error;
  return context.json({ message, documentation_url: DOCUMENTATION, status: String(status) }, status);
};
