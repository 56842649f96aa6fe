'use strict'
// Who asks is what the headers below the query say, and nothing else: with cookies the page would show the rows of somebody
// whom nothing on it names.
const fetcher = GraphiQL.createFetcher({
  url: '/api/v1/graphql',
  fetch: (url, request) => fetch(url, { ...request, credentials: 'omit' }),
})
// What stays from one visit to the next. Not the history: it holds the headers of each request, and so tokens would lie on
// the disk.
const KEPT = ['graphiql:query', 'graphiql:variables', 'graphiql:theme']
const storage = {
  getItem: (key) => localStorage.getItem(key),
  setItem: (key, value) => {
    if (KEPT.includes(key)) localStorage.setItem(key, value)
  },
  removeItem: (key) => localStorage.removeItem(key),
  clear: () => localStorage.clear(),
  get length() {
    return localStorage.length
  },
}
ReactDOM.createRoot(document.getElementById('graphiql')).render(
  React.createElement(GraphiQL, {
    fetcher,
    storage,
    defaultEditorToolsVisibility: 'headers',
    shouldPersistHeaders: false,
    showPersistHeadersSettings: false,
  }),
)
