import type { Context } from 'hono';
import type { CloudParts } from '../parts.ts';

/** By which a request is followed through the logs: the caller's own, or else a new one. */
export function transactionIdOf({ random }: CloudParts, context: Context): string {
  return context.req.header('transaction-id') ?? random.hex(16);
}
