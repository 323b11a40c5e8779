/** One request as it is on the wire, for questions whose answer is a status or an odd field. */
export interface RawCall {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string | number | boolean>;
  body?: object;
  form?: Record<string, string>;
  headers?: Record<string, string>;
}

export interface RawAnswer {
  status: number;
  /** Empty where the answer is no JSON object. */
  body: Record<string, unknown>;
}

/** IBM's code in the body of a refusal; empty where there is none. */
export function ibmCodeIn({ body }: RawAnswer): string {
  const errors = Array.isArray(body['errors']) ? (body['errors'] as Record<string, unknown>[]) : [];
  const [first = {}] = errors;
  const found = body['errorCode'] ?? body['error_code'] ?? (first['message_code'] || first['code']);
  return typeof found === 'string' ? found : '';
}

export const textIn = (body: Record<string, unknown>, field: string): string => {
  const found = body[field];
  return typeof found === 'string' ? found : '';
};

/** @throws Error with the status of a refusal. */
export function succeeded(answer: RawAnswer, what: string): RawAnswer {
  if (answer.status >= 400) throw new Error(`${what}: status ${answer.status}`);
  return answer;
}
