#pragma once
// Private to tcp_connection.cc and tcp_transfer.cc.

#include "net/tcp_connection.h"

namespace dunlin::net {

// One call into the handler. It survives the connection, which tells it of its end.
struct TcpConnection::Frame {
  explicit Frame(TcpConnection& connection) : owner(&connection), outer(connection.frame_) {
    owner->frame_ = this;
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  ~Frame() {
    if (owner != nullptr) owner->frame_ = outer;
  }

  TcpConnection* owner;  // null once destroyed
  Frame* outer;
  bool in_data = false;
  // Set by a move_to() inside on_data: the stream leaves when the handler has said what it consumed.
  TcpContext* target = nullptr;
  TcpStream stream;
  Arrived arrived;
};

}  // namespace dunlin::net
