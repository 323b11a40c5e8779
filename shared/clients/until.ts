/** What `createRequest` of IBM's clients takes, as far as it matters here. */
interface RequestParameters {
  defaultOptions: object;
}

interface Requests {
  createRequest(parameters: RequestParameters): Promise<unknown>;
}

/** The same client of IBM, whose calls end when the signal aborts: some of its classes take no signal with a call. */
export function until<S extends object>(sdk: S, signal: AbortSignal): S {
  const createRequest = ({ defaultOptions, ...parameters }: RequestParameters) =>
    (sdk as unknown as Requests).createRequest({
      ...parameters,
      defaultOptions: { ...defaultOptions, axiosOptions: { signal } },
    });
  return Object.assign(Object.create(sdk) as S, { createRequest });
}
