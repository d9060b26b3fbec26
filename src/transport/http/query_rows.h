#pragma once
// Answers of series.query as rows that come while they are made: by `Accept: text/csv` or
// `application/x-ndjson`. docs/guide/queries.md.

#include "service/query/row_stream.h"
#include "transport/http/api.h"

namespace dunlin::transport {

/// Both must outlive the server. The HTTP server's executor, which is the service's.
void serve_query_rows(Api& api, Executor& executor, query::QueryService& queries);

}  // namespace dunlin::transport
