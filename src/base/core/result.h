#pragma once
// Results of the floors that may not allocate (wire, device SDK): an error is a code and a view of static
// text.

#include <expected>
#include <string_view>

#include "base/core/errc.h"

namespace dunlin::core {

struct Error {
  Errc code = Errc::internal;
  std::string_view context;  // static storage: it outlives every Error
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Errc code, std::string_view context) {
  return std::unexpected(Error{code, context});
}

}  // namespace dunlin::core

#define DUNLIN_CONCAT_INNER(a, b) a##b
#define DUNLIN_CONCAT(a, b) DUNLIN_CONCAT_INNER(a, b)

/// `DUNLIN_TRY(auto value, expression);` takes the value, or returns the error from the enclosing function.
#define DUNLIN_TRY(declaration, expression)                                          \
  auto DUNLIN_CONCAT(try_result_, __LINE__) = (expression);                          \
  if (!DUNLIN_CONCAT(try_result_, __LINE__))                                         \
    return std::unexpected(std::move(DUNLIN_CONCAT(try_result_, __LINE__)).error()); \
  declaration = *std::move(DUNLIN_CONCAT(try_result_, __LINE__))

/// The same for a Result<void>.
#define DUNLIN_CHECK(expression) \
  if (auto check_result = (expression); !check_result) return std::unexpected(std::move(check_result).error())
