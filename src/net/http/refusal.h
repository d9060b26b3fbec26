#pragma once

#include <string>

namespace dunlin::net::http {

/// Why a message was refused: the status to answer with and a sentence for the log and the answer.
struct Refusal {
  int status = 400;
  std::string message;
};

}  // namespace dunlin::net::http
