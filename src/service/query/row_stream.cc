#include "service/query/row_stream.h"

#include <algorithm>

#include "service/query/answer.h"

namespace dunlin::query {

/// What has been made and not taken yet, and whoever waits for more.
struct RowStream::State {
  QueryService& service;
  const RowFormat format;
  std::uint64_t left;  // rows that may be told
  std::uint64_t told = 0;
  QueryId query{};
  std::string made{};
  std::size_t taken = 0;  // of it
  Batch batch{};          // rows from `row` on are not written yet
  std::size_t row = 0;
  const TextPool* texts = nullptr;  // of the batch; the query keeps it while it is paused
  enum class Phase : std::uint8_t { not_begun, begun, ended, failed } phase = Phase::not_begun;
  Error error{};
  std::size_t most = 0;
  std::move_only_function<void(Result<std::string>)> waiting = nullptr;

  void columns(const std::vector<std::string>& names, const std::vector<Type>& types) {
    phase = Phase::begun;
    made = format == RowFormat::csv ? csv_header(names) : ndjson_header(names, types);
  }

  /// About a piece of the rows that are there.
  RowSink::Go write() {
    for (; row < batch.rows && left != 0 && made.size() - taken < kStreamAheadBytes; ++row) {
      --left;
      ++told;
      if (format == RowFormat::csv) {
        add_csv_row(made, batch, *texts, row);
      } else {
        add_ndjson_row(made, batch, *texts, row);
      }
    }
    if (row < batch.rows && left != 0) return RowSink::Go::pause;
    batch = {};
    row = 0;
    if (left == 0) return RowSink::Go::enough;
    return made.size() - taken < kStreamAheadBytes ? RowSink::Go::on : RowSink::Go::pause;
  }

  RowSink::Go rows(const Batch& more, const TextPool& of) {
    batch = more;
    texts = &of;
    const RowSink::Go go = write();
    tell();
    return go;
  }

  void end(Result<QueryCost> cost) {
    batch = {};
    const bool is_told = phase == Phase::begun && format == RowFormat::ndjson;
    phase = cost || is_told ? Phase::ended : Phase::failed;
    if (is_told) made += cost ? ndjson_end(*cost, told) : ndjson_error(cost.error());
    if (!cost) error = std::move(cost).error();
    tell();
  }

  /// Gives on what there is to whoever waits.
  void tell() {
    if (!waiting) return;
    if (made.empty() && phase != Phase::ended && phase != Phase::failed) return;
    auto done = std::exchange(waiting, nullptr);
    if (made.empty() && phase == Phase::failed) return done(std::unexpected(error));
    const std::size_t size = std::min(most, made.size() - taken);
    std::string piece = made.substr(taken, size);
    taken += size;
    if (taken >= made.size() - taken) made.erase(0, std::exchange(taken, 0));
    done(std::move(piece));
  }

  void read(std::size_t at_most, std::move_only_function<void(Result<std::string>)> done) {
    most = at_most;
    waiting = std::move(done);
    const bool is_open = phase == Phase::not_begun || phase == Phase::begun;
    if (is_open) service.resume(query, write());
    tell();
  }
};

RowStream::RowStream(std::shared_ptr<State> state) : state_(std::move(state)) {}

RowStream::~RowStream() {
  state_->waiting = nullptr;
  state_->service.cancel(state_->query);
}

Result<std::unique_ptr<RowStream>> RowStream::open(QueryService& service, StreamRequest request) {
  DUNLIN_CHECK(service.check_name(request.caller, request.name));
  auto state =
      std::make_shared<State>(State{.service = service, .format = request.format, .left = request.limit});
  RowSink sink;
  sink.columns = [state](const auto& names, const auto& types) { state->columns(names, types); };
  sink.rows = [state](const Batch& batch, const TextPool& texts) { return state->rows(batch, texts); };
  QueryOrder order{request.caller.principal->tenant, std::move(request.sql), kMaxStreamTime,
                   request.caller.principal, std::move(request.name)};
  state->query = service.start(std::move(order), std::move(sink),
                               [state](Result<QueryCost> cost) { state->end(std::move(cost)); });
  return std::make_unique<RowStream>(std::move(state));
}

void RowStream::read(std::size_t most, std::move_only_function<void(Result<std::string>)> done) {
  state_->read(most, std::move(done));
}

}  // namespace dunlin::query
