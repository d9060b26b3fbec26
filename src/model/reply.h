#pragma once
// Completions with which operations answer: what was asked for in its JSON form, or the error. For the
// services' *operations.cc.

#include <boost/json/value.hpp>
#include <string_view>
#include <utility>

#include "model/operation.h"

namespace dunlin::model {

/// A record's to_json(), found by the record's type.
struct JsonForm {
  auto operator()(const auto& record) const { return to_json(record); }
};

/// {name: [..]}, a row for each record.
template <class Records, class Form = JsonForm>
boost::json::object list_of(std::string_view name, const Records& records, Form form = {}) {
  boost::json::array rows;
  for (const auto& record : records) rows.push_back(form(record));
  return {{name, std::move(rows)}};
}

/// Answers a Result<T> with `form(T)`, a JSON object or value.
template <class Form>
auto reply_with(Reply reply, Form form) {
  return [reply = std::move(reply), form = std::move(form)](auto result) mutable {
    if (!result) return reply(std::unexpected(std::move(result).error()));
    reply(boost::json::value(form(*std::move(result))));
  };
}

/// Answers a Result of one record with its to_json().
inline auto reply_record(Reply reply) {
  return reply_with(std::move(reply), JsonForm());
}

/// Answers a Result of a vector of records with list_of(); `name` must outlive the answer.
template <class Form = JsonForm>
auto reply_list(Reply reply, std::string_view name, Form form = {}) {
  return reply_with(std::move(reply),
                    [name, form](const auto& records) { return list_of(name, records, form); });
}

/// Answers a Result<void> with {}.
inline auto reply_nothing(Reply reply) {
  return [reply = std::move(reply)](Result<void> result) mutable {
    if (!result) return reply(std::unexpected(std::move(result).error()));
    reply(boost::json::object{});
  };
}

}  // namespace dunlin::model
