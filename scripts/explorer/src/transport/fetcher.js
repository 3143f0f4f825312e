// GraphiQL's fetcher: requests with or without a trace, subscriptions that outlive their tab, the schema.

import { getOperationAST, parse } from 'graphql';
import { preferences } from '../preferences.js';
import { activeTabId, session } from '../session/session.js';
import { bearer, caller, tokenOf } from '../session/token.js';
import { describeInChinese } from '../language/descriptions.js';
import { languageCode, say } from '../language/language.js';
import { record } from './exchanges.js';
import { post, sentenceOf } from './http.js';
import { endSubscription, subscribe } from './subscriptions.js';

const UNAUTHENTICATED = 'UNAUTHENTICATED';

export function fetcher(request, options) {
  if (request.operationName === 'IntrospectionQuery') return fetchSchema(request, options.headers);
  const headers = options.headers ?? bearer(caller.get().token);
  if (!tokenOf(headers)) return askForToken();
  const operation = operationOf(request);
  const named = operation ? { ...request, operationName: operation.name?.value } : request;
  return operation?.operation === 'subscription' ? observe(named, headers, operation) : execute(named, headers, operation);
}

// The operation of this name, or the only one: GraphiQL may still have the name of the document before. Null for a text
// that is no document: the gateway says what is wrong with it.
function operationOf({ query, operationName }) {
  try {
    const document = parse(query);
    return getOperationAST(document, operationName) ?? getOperationAST(document);
  } catch {
    return null;
  }
}

// GraphiQL asks before the headers editor is there.
async function fetchSchema(request, headers) {
  const answer = await post(request, headers ?? bearer(caller.get().token));
  noteRefusal(answer.body);
  if (answer.body?.data) {
    if (languageCode() === 'zh') await describeInChinese(answer.body.data);
    return answer.body;
  }
  throw new Error(sentenceOf(answer));
}

async function execute(request, headers, operation) {
  const tabId = activeTabId();
  const { query, variables, operationName } = request;
  const asked = { query, variables, operationName, headers, operationType: operation?.operation ?? 'query' };
  record(tabId, { ...asked, isPending: true });
  const answer = await post(request, preferences.get().isTraced ? { ...headers, 'X-Trace': '1' } : headers);
  noteRefusal(answer.body);
  record(tabId, { ...asked, ...answer, answeredAt: new Date() });
  return answer.body ? withoutTrace(answer.body) : { errors: [{ message: say('noAnswer', answer.failure) }] };
}

// The panels show the trace. In the response it would bury the data.
function withoutTrace({ extensions, ...body }) {
  const { trace, ...others } = extensions ?? {};
  return trace && !Object.keys(others).length ? body : { ...body, ...(extensions && { extensions: others }) };
}

function noteRefusal(body) {
  const refused = body?.errors?.find(({ extensions }) => extensions?.code === UNAUTHENTICATED);
  caller.set({ refusal: refused ? say('messageOf', refused) : null });
}

// Nothing is sent, and nothing is shown: the top of the page says what is missing.
function askForToken() {
  document.getElementById('explorer-token')?.focus();
  return { subscribe: ({ complete }) => (queueMicrotask(complete), { unsubscribe() {} }) };
}

function observe(request, headers, operation) {
  return {
    subscribe(sink) {
      const tabId = activeTabId();
      session().actions.setVisiblePlugin('Events');
      const isShown = () => activeTabId() === tabId;
      const [selection] = operation.selectionSet.selections;
      const field = selection.name?.value;
      const id = subscribe(
        { tabId, name: operation.name?.value ?? field, field, request, headers },
        {
          next(result) {
            noteRefusal(result);
            if (isShown()) sink.next(result);
          },
          complete: () => isShown() && sink.complete(),
        },
      );
      // GraphiQL unsubscribes when another tab is shown, too. Only the Stop button and closing the tab end it.
      return { unsubscribe: () => setTimeout(() => (isShown() || !hasTab(tabId)) && endSubscription(id)) };
    },
  };
}

const hasTab = (tabId) => session()?.tabs.some(({ id }) => id === tabId);
