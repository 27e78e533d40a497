"""People for tests, made by the services that make them in the product."""

from typing import Any
from uuid import uuid4

import factory
from factory.django import DjangoModelFactory

from accounts.models import User
from accounts.services import add_verified_person

PASSWORD = "a-dark-and-quiet-room"


class PersonFactory(DjangoModelFactory[User]):
    """A verified owner of a personal company, welcomed by every app above. The password is `PASSWORD`."""

    class Meta:
        model = User

    # Committed rows of other tests stay in the database, so no two tests share an address.
    email = factory.LazyFunction(lambda: f"person-{uuid4().hex[:12]}@example.com")
    full_name = factory.Faker("name")

    @classmethod
    def _create(cls, model_class: type[User], *_args: Any, **fields: Any) -> User:
        return add_verified_person(password=PASSWORD, **fields)
