#pragma once
// Owners for OpenSSL's objects, without any of its headers. Included by the .cc files of this room only.

#include <memory>

namespace dunlin::security {

template <auto Free>
struct OpensslFree {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

/// `Handle<X509, X509_free>`: freed when it goes out of scope.
template <class T, auto Free>
using Handle = std::unique_ptr<T, OpensslFree<Free>>;

}  // namespace dunlin::security
