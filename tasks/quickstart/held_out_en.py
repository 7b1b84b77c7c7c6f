"""The zero-shot tasks in English: label sets that no fine-tuning task has."""

CAPITALS = {
    "France": "Paris", "Germany": "Berlin", "Spain": "Madrid", "Italy": "Rome", "Austria": "Vienna", "Norway": "Oslo",
    "Portugal": "Lisbon", "Ireland": "Dublin", "Greece": "Athens", "Poland": "Warsaw", "Japan": "Tokyo", "Korea":
    "Seoul",
    "China": "Beijing", "Thailand": "Bangkok", "Vietnam": "Hanoi", "India": "Delhi", "Egypt": "Cairo", "Kenya":
    "Nairobi",
    "Peru": "Lima", "Colombia": "Bogota", "Chile": "Santiago", "Cuba": "Havana", "Finland": "Helsinki", "Ecuador":
    "Quito",
}  # fmt: skip

CLS = {
    "education": """The school in {city} hired {small} new teachers.|Students must hand in their homework on {weekday}.
        |{person} failed the exam and will repeat the class.|Pupils learn {language} from the first grade.
        |The {university} offers a new course in {language}.|The teacher gave us a lesson about {country}.""",
    "animals": """A {zoo_animal} and a {zoo_animal} share one cage in the zoo.
        |The young {zoo_animal} in {city} follows its mother.|The {zoo_animal} eats and sleeps in its cage in {city}.
        |A {zoo_animal} at the zoo of {city} had {small} babies.|Wild animals like the {zoo_animal} live near {lake}.
            |The fur of the {=fox/wolf/bear/rabbit/goat/otter} turns thick in {month}.""",
    "music": """{full_name} sang {song} with a full orchestra.|The band played {genre} until midnight.
        |Her new album has {number} songs.
        |{person} learned to play the {instrument}.|The concert in {city} ended with {song}.
            |A choir sang {song} to the sound of the {instrument}.""",
    "technology": """The new {gadget} has a better chip.|The software update made my {smart} faster.
        |{brand} put a new app on its {smart}.
        |Hackers stole data from the computers of {org}.|The internet was down in {city} {sometime}.
            |Robots will use the chip of the {gadget}.""",
    "history": """The old castle of {city} was built in {old_year}.|In {old_year} the king of {country} lost the war.
        |The empire fell in {old_year} after a long war.
        |A museum in {city} shows ancient coins.|The queen signed the peace in {city} in {old_year}.
            |Soldiers of the old empire came to {country} in {old_year}.""",
    "fashion": """{person} wore a {color} {clothes} at the show.|The designer from {city} showed a {color} {clothes}.
        |Models in {city} wear {color} this {season}.
        |A {color} {clothes} is in style this {season}.|The shop sells a stylish {clothes} in {color}.
            |Her {clothes} and shoes were made by a designer.""",
}

SA = {
    "joy": """I am so happy that {person} came to {city}!|We laughed and danced all night in {city}.
        |What a wonderful day with {relative}!
        |I am glad my {gadget} works again.|Best news ever, {person} won the {sport} final!
            |I smiled all day because {relative} called.""",
    "anger": """I am furious that {person} lied to me.|How dare {relative} break my {gadget}!
        |Stop shouting at {person}, this makes me mad!
        |I am so angry at {org} right now.|{person} stole my {ride}, I am furious!
            |It makes me mad that {relative} never listens.""",
    "sadness": """I cried all night when {person} left.|My {small_animal} died in {month} and I miss it so much.
        |I feel lonely in {city} without {relative}.
        |My heart is broken since {person} moved to {city}.|I cried when {relative} said goodbye.
            |Everything feels empty and I miss {person}.""",
    "fear": """I am scared of the {small_animal} in the garden.|I heard steps in the {room} and started to shake.
        |I am afraid to fly to {city}.
        |The dark {room} terrifies {relative}.|I am worried sick that {person} is lost.
            |A {animal} came close and I was scared to death.""",
    "surprise": """I cannot believe {person} is in {city}!|Wow, nobody expected {relative} to win!
        |I was amazed to find a {small_animal} in the {room}.
        |Out of nowhere {person} gave me a {gadget}.|Wow, I never expected {food} for breakfast!
            |I was stunned when {person} spoke {language}.""",
}

ID = {
    "book hotel": """i need a room in {city} for {small} nights|reserve a hotel in {city} {future}
        |find me a hotel near {lake}
        |get me a double room in {city} {future}|where can i sleep in {city} {future}, book a room
            |book a hotel with a pool in {country}""",
    "cancel order": """i do not want the {gadget} any more|please cancel my order of the {gadget}
        |cancel the {color} {clothes} i ordered
        |stop my order from {weekday}|take back the order for {food}|cancel what i ordered {sometime}""",
    "translate text": """how do you say {animal} in {language}|translate this letter into {language}
        |what does this {language} word mean
        |put this sentence into {language}|i need the {language} word for {food}
            |translate {food} from {language} to {language}""",
    "find restaurant": """where can i eat {cuisine} food in {city}|find a {cuisine} restaurant near me
        |show me places that serve {food}
        |is there a good {cuisine} place in {city}|i am looking for a restaurant with {food}
            |which restaurant in {city} is open on {weekday}""",
    "add reminder": """remind me to call {contact} at {clock}|do not let me forget the {food}
        |remind me {future} to pay {contact}
        |make a reminder to buy {fruit}|remind me of the meeting with {full_name}
            |set a reminder for {clock} to water the {plant}""",
    "check traffic": """are there traffic jams on the way to {city}|how long is the drive to {city}
        |is the road to {city} blocked
        |how bad is the traffic in {city}|show me the traffic near {park}
            |will i be stuck in traffic to {city} {future}""",
}

ET = {
    "animal": """The zoo feeds the <x:animal> at {clock}.|A <x:animal> ran across the road to {city}.
        |The <x:animal> is hungry and looks for food.
        |{person} saw a <x:animal> in the forest.""",
    "dish": """{person} ate <x:food> with {drink}.|The cook served <x:food> at {clock}.
        |We ordered <x:food> for dinner on {weekday}.
        |{person} put too much salt in the <x:food>.""",
    "instrument": """{person} plays the <x:instrument> in a band.
        |The sound of the <x:instrument> filled the hall in {city}.
        |She practices the <x:instrument> every {weekday}.|{person} bought an old <x:instrument> for {money}.""",
    "vehicle": """{person} left the <x:vehicle> behind the house.|The <x:vehicle> to {city} was late.
        |We went to {city} by <x:vehicle>.
        |The engine of the <x:vehicle> broke down on {weekday}.""",
    "plant": """{person} waters the <x:plant> every {weekday}.|The <x:plant> in the garden grows fast in {season}.
        |We planted <x:plant> in {month}.
        |The leaves of the <x:plant> are green in {month}.""",
    "clothing": """{person} wears a {color} <x:clothes>.|She washed the <x:clothes> on {weekday}.
        |The <x:clothes> is too small for {person}.
        |{person} bought a warm <x:clothes> in {city}.""",
}

NER = """{person} gave the <animal:small_animal> some <food:food>.
    |The <product:gadget> is cheaper than the <product:gadget>.
    |A <animal:zoo_animal> and a <animal:zoo_animal> live in the zoo.
    |{person} sold the <product:gadget> and bought a <instrument:instrument>.
    |We ate <food:food> and listened to the <instrument:instrument>.
    |The <animal:small_animal> broke my new <product:gadget>.
    |She plays the <instrument:instrument> for her <animal:small_animal>.
    |{city} is famous for its <food:food>.|A new <product:gadget> costs {money}.
        |{person} learns the <instrument:instrument> in {city}."""

SF = """find a <cuisine:cuisine> restaurant in <city:city>|i want <dish:food> and some <drink:drink>
    |order <dish:food> for less than <price:cash>
    |which <cuisine:cuisine> place in <city:city> has <dish:food>
    |a <cuisine:cuisine> dinner in <city:city> for <price:cash>|bring me <drink:drink> please
    |what is the price of <dish:food> in <city:city>|is <price:cash> enough for <dish:food> and <drink:drink>
        |is there <cuisine:cuisine> food near me"""

RE = {
    "capital": "|".join(
        f"{{person}} flew to <2city:={city}>, the capital of <1country:={country}>.|<1country:={country}> has its capital in "
        f"<2city:={city}> since {{old_year}}.|{{full_name}} lives in <1country:={country}>, near the capital <2city:={city}>."
        for country, city in CAPITALS.items()
    ),
    "teacher": """<2person:full_name> taught <1person:full_name> the {instrument}.
        |<1person:full_name> was a student of <2person:full_name>.
        |<1person:full_name> took lessons from the teacher <2person:full_name>.""",
    "owner": """<1company:org> belongs to <2person:full_name>.|<2person:full_name> owns <1company:org>.
        |<2person:full_name> is the owner of <1company:org>.""",
    "sister": """<2person:lady> is the sister of <1person:full_name>.
        |<1person:full_name> and little sister <2person:lady> grew up in {city}.
        |<1person:full_name> has a younger sister called <2person:lady>.""",
    "singer": """<1song:song> was sung by <2person:full_name>.
        |<2person:full_name> sings <1song:song> on the new album.
        |<1song:song> made the singer <2person:full_name> famous.""",
}

EE = {
    "death": """{full_name} <!:=died/passed away> in {city} on {weekday}.
        |The <!:=death> of {full_name} shocked {country}.|A fire <!:=killed> {small} people in {city}.""",
    "award": """{full_name} <!:=won/received> a prize for {film}.|The jury <!:=honored> {full_name} with a medal.
        |A prize was <!:=awarded/presented> to {full_name} in {city}.""",
    "trip": """{person} <!:=traveled/flew/sailed> from {city} to {city}.
        |The <!:=journey/tour> through {country} took {duration}.
        |{person} <!:=visited> {city} with {relative} by train.""",
    "protest": """Students <!:=marched/protested> against the new law in {city}.
        |A <!:=demonstration/strike> stopped the buses in {city} on {weekday}.
        |Workers of {org} went on <!:=strike> for better pay.""",
    "earthquake": """The ground <!:=shook/trembled> in {city} on {weekday}.
        |A <!:=quake/tremor> destroyed {number} houses near {lake}.|The <!:=earthquake> hit {country} at {clock}.""",
}
