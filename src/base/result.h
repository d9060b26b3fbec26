#pragma once
// Result<T>: how every room above the wire reports an error of a peer or of the environment.

#include <expected>
#include <string>
#include <utility>

#include "base/core/errc.h"
#include "base/core/result.h"

namespace dunlin {

/// A code that programs act on and a sentence that a person can act on. The sentence holds no secret.
struct Error {
  Errc code = Errc::internal;
  std::string message;

  Error() = default;
  Error(Errc error_code, std::string text) : code(error_code), message(std::move(text)) {}
  Error(const core::Error& error) : code(error.code), message(error.context) {}  // NOLINT: widening is wanted
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Errc code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

}  // namespace dunlin
