"""Cursor pagination: rows are read newest first by their time-ordered key, so a page costs the same at any depth."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """24 rows a page by default, `?page_size=` up to 100; `next` and `previous` are addresses."""

    ordering = "-id"
    page_size = 24
    page_size_query_param = "page_size"
    max_page_size = 100
