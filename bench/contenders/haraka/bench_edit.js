// Edits mail as little as a sending service could: a control field off, a field on, the text parts rewritten.
// What is queued goes to the sink whose port stands in config/bench_sink.
exports.register = function () {
    this.port = parseInt(this.config.get('bench_sink'), 10)
}

exports.hook_data = function (next, connection) {
    connection.transaction.add_body_filter(/^text\//, (type, charset, body) =>
        Buffer.from(body.toString('latin1').replace(/https:\/\/shop\.example\//g, 'https://click.example/'), 'latin1'),
    )
    next()
}

exports.hook_data_post = function (next, connection) {
    connection.transaction.remove_header('X-MSYS-API')
    connection.transaction.add_header('List-Unsubscribe', '<https://click.example/unsubscribe>')
    next()
}

exports.hook_get_mx = function (next) {
    next(OK, { exchange: '127.0.0.1', port: this.port, priority: 0 })
}
