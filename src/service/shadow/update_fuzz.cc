// A sequence of updates, one a line: documents keep to their limits, versions rise by one, and what is stored
// reads back.

#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/core/assert.h"
#include "service/shadow/document.h"
#include "service/shadow/limits.h"

using namespace dunlin;

namespace {

void check(const shadow::Document& document) {
  const auto size =
      boost::json::serialize(document.desired()).size() + boost::json::serialize(document.reported()).size();
  DUNLIN_ASSERT(size <= shadow::kMaxDocumentBytes);
  const auto read = shadow::Document::from_stored(document.to_stored());
  DUNLIN_ASSERT(read.has_value());
  DUNLIN_ASSERT(read->version() == document.version());
  // What is reported as wanted leaves no difference.
  shadow::Document done = document;
  shadow::Update report;
  report.reported = boost::json::value(document.delta().value_or(boost::json::object{}));
  if (done.apply(report, 1)) DUNLIN_ASSERT(!done.delta());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  shadow::Document document;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    DUNLIN_ASSERT(shadow::client_token_of(line).size() <= shadow::kMaxClientTokenBytes);
    const auto update = shadow::parse_update(line);
    if (!update) continue;
    const std::uint64_t before = document.version();
    const bool applied = document.apply(*update, 1'700'000'000).has_value();
    DUNLIN_ASSERT(document.version() == before + (applied ? 1 : 0));
    if (applied) check(document);
  }
  return 0;
}
